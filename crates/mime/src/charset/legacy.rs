//! Character sets that no browser reads any more and that old mail is written in.

use encoding_rs::{EUC_KR, GBK};

/// Decodes by one of these labels; `None` for any other.
pub(super) fn decode(bytes: &[u8], label: &str) -> Option<String> {
    match label {
        "utf-7" | "unicode-1-1-utf-7" => Some(decode_utf7(bytes)),
        "hz-gb-2312" | "hz" => Some(decode_hz(bytes)),
        "iso-2022-kr" | "csiso2022kr" => Some(decode_korean(bytes)),
        "cp437" | "ibm437" | "437" | "cspc8codepage437" => Some(decode_single(bytes, IBM437)),
        "cp850" | "ibm850" | "850" | "cspc850multilingual" | "cp858" => Some(decode_single(bytes, IBM850)),
        _ => None,
    }
}

/// Decodes what says itself which set it is in.
pub(super) fn decode_by_escapes(bytes: &[u8]) -> Option<String> {
    bytes.windows(4).any(|escape| escape == KOREAN).then(|| decode_korean(bytes))
}

/// The upper halves of what DOS wrote.
const IBM437: &str = "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u{a0}";
const IBM850: &str = "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜø£Ø×ƒáíóúñÑªº¿®¬½¼¡«»░▒▓│┤ÁÂÀ©╣║╗╝¢¥┐└┴┬├─┼ãÃ╚╔╩╦╠═╬¤ðÐÊËÈıÍÎÏ┘┌█▄¦Ì▀ÓßÔÒõÕµþÞÚÛÙýÝ¯´\u{ad}±‗¾¶§÷¸°¨·¹³²■\u{a0}";

fn decode_single(bytes: &[u8], upper: &str) -> String {
    let upper: Vec<char> = upper.chars().collect();
    let decode = |byte: u8| match byte.checked_sub(128) {
        Some(index) => upper.get(usize::from(index)).copied().unwrap_or(char::REPLACEMENT_CHARACTER),
        None => char::from(byte),
    };
    bytes.iter().map(|byte| decode(*byte)).collect()
}

/// HZ (RFC 1843): GB 2312 in seven bits, between `~{` and `~}`.
fn decode_hz(bytes: &[u8]) -> String {
    let mut gb = Vec::with_capacity(bytes.len());
    let mut is_chinese = false;
    let mut rest = bytes;
    while let Some((&byte, tail)) = rest.split_first() {
        rest = tail;
        match (byte, tail.first()) {
            (b'~', Some(b'{')) => is_chinese = true,
            (b'~', Some(b'}')) => is_chinese = false,
            (b'~', Some(b'~')) => gb.push(b'~'),
            // A line that goes on.
            (b'~', Some(b'\n')) => {}
            _ => {
                gb.push(if is_chinese && byte.is_ascii_graphic() { byte | 0x80 } else { byte });
                continue;
            }
        }
        rest = tail.get(1..).unwrap_or_default();
    }
    GBK.decode_without_bom_handling(&gb).0.into_owned()
}

/// What a text in ISO-2022-KR begins with.
const KOREAN: &[u8] = b"\x1b$)C";

/// ISO-2022-KR (RFC 1557): KS X 1001 in seven bits, between shift-out and shift-in.
fn decode_korean(bytes: &[u8]) -> String {
    let mut ks = Vec::with_capacity(bytes.len());
    let mut is_korean = false;
    let mut rest = bytes;
    while let Some((&byte, tail)) = rest.split_first() {
        if let Some(after) = rest.strip_prefix(KOREAN) {
            rest = after;
            continue;
        }
        rest = tail;
        match byte {
            0x0e => is_korean = true,
            0x0f => is_korean = false,
            _ => ks.push(if is_korean && byte.is_ascii_graphic() { byte | 0x80 } else { byte }),
        }
    }
    EUC_KR.decode_without_bom_handling(&ks).0.into_owned()
}

/// UTF-7 (RFC 2152), which no browser reads any more and old mail programs wrote.
fn decode_utf7(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((&byte, tail)) = rest.split_first() {
        rest = tail;
        if byte != b'+' {
            out.push(char::from(byte));
            continue;
        }
        let run = rest.iter().take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/')).count();
        let (encoded, after) = rest.split_at_checked(run).unwrap_or((rest, &[]));
        rest = after.strip_prefix(b"-").unwrap_or(after);
        if encoded.is_empty() {
            out.push('+');
            continue;
        }
        let octets = crate::transfer::decode_base64(encoded);
        let units = octets.as_chunks::<2>().0.iter().map(|&pair| u16::from_be_bytes(pair));
        out.extend(char::decode_utf16(units).map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER)));
    }
    out
}
