//! Small files as they come attached.

use super::topics::File;
use crate::letter::Attachment;

/// A file of this kind about this order.
pub(super) fn attached(file: File, order: &str, hue: u8) -> Attachment {
    let (filename, content_type, content) = match file {
        File::Photo => (format!("IMG_{}.png", 2000 + u32::from(hue)), "image/png", picture(160, 120, hue)),
        File::Invoice => {
            (format!("Invoice {order}.pdf"), "application/pdf", document(&format!("Invoice {order}")))
        }
        File::Table => ("Spare parts.csv".into(), "text/csv", table()),
    };
    Attachment { filename, content_type: content_type.to_owned(), content }
}

fn table() -> Vec<u8> {
    let mut csv = String::from("part;description;quantity\r\n");
    for (part, description, quantity) in [
        ("K-1042", "group head seal 8.5 mm", 40),
        ("K-1101", "pump, 15 bar", 6),
        ("K-2210", "steam wand tip, two holes", 12),
        ("M-0077", "drip tray, graphite", 4),
        ("M-0310", "water level sensor", 5),
    ] {
        csv.push_str(&format!("{part};{description};{quantity}\r\n"));
    }
    csv.into_bytes()
}

/// A PDF of one page with one line.
fn document(line: &str) -> Vec<u8> {
    let content = format!("BT /F1 24 Tf 72 760 Td ({}) Tj ET", line.replace(['(', ')', '\\'], " "));
    let objects = [
        "<< /Type /Catalog /Pages 2 0 R >>".to_owned(),
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>".to_owned(),
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>"
            .to_owned(),
        format!("<< /Length {} >>\nstream\n{content}\nendstream", content.len()),
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>".to_owned(),
    ];
    let mut pdf = String::from("%PDF-1.4\n");
    let mut places = Vec::new();
    for (number, object) in (1..).zip(&objects) {
        places.push(pdf.len());
        pdf.push_str(&format!("{number} 0 obj\n{object}\nendobj\n"));
    }
    let start = pdf.len();
    pdf.push_str(&format!("xref\n0 {}\n0000000000 65535 f \n", objects.len() + 1));
    for place in places {
        pdf.push_str(&format!("{place:010} 00000 n \n"));
    }
    pdf.push_str(&format!(
        "trailer\n<< /Size {} /Root 1 0 R >>\nstartxref\n{start}\n%%EOF\n",
        objects.len() + 1
    ));
    pdf.into_bytes()
}

/// A PNG (a gradient), its pixels stored without compression.
fn picture(width: u32, height: u32, hue: u8) -> Vec<u8> {
    let mut rows = Vec::new();
    for y in 0..height {
        rows.push(0);
        for x in 0..width {
            let shade = |n: u32, of: u32| u8::try_from(n * 200 / of).unwrap_or(200);
            rows.extend([shade(x, width).saturating_add(40), hue, shade(y, height)]);
        }
    }
    let mut header = Vec::new();
    header.extend(width.to_be_bytes());
    header.extend(height.to_be_bytes());
    header.extend([8, 2, 0, 0, 0]);
    let mut png = b"\x89PNG\r\n\x1a\n".to_vec();
    chunk(&mut png, *b"IHDR", &header);
    chunk(&mut png, *b"IDAT", &stored(&rows));
    chunk(&mut png, *b"IEND", &[]);
    png
}

fn chunk(png: &mut Vec<u8>, name: [u8; 4], content: &[u8]) {
    png.extend(u32::try_from(content.len()).unwrap_or(0).to_be_bytes());
    let mut checked = name.to_vec();
    checked.extend(content);
    png.extend(&checked);
    png.extend(crc32(&checked).to_be_bytes());
}

/// A zlib stream of stored blocks (RFC 1950, RFC 1951).
fn stored(bytes: &[u8]) -> Vec<u8> {
    let mut out = vec![0x78, 0x01];
    let blocks = bytes.chunks(65_535).count();
    for (number, block) in (1..).zip(bytes.chunks(65_535)) {
        let length = u16::try_from(block.len()).unwrap_or(u16::MAX);
        out.push(u8::from(number == blocks));
        out.extend(length.to_le_bytes());
        out.extend((!length).to_le_bytes());
        out.extend(block);
    }
    let (a, b) = bytes.iter().fold((1_u32, 0_u32), |(a, b), byte| {
        let a = (a + u32::from(*byte)) % 65_521;
        (a, (b + a) % 65_521)
    });
    out.extend((b << 16 | a).to_be_bytes());
    out
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0xEDB8_8320 & (crc & 1).wrapping_neg()))
    })
}

#[cfg(test)]
mod tests {
    #[test]
    fn check_sums() {
        // The check value of CRC-32/ISO-HDLC.
        assert_eq!(super::crc32(b"123456789"), 0xCBF4_3926);
        // Adler-32 of "Wikipedia" is 0x11E60398.
        assert!(super::stored(b"Wikipedia").ends_with(&[0x11, 0xE6, 0x03, 0x98]));
    }
}
