//! What somebody uploads as a picture of a person becomes a small square one. Nothing else of the file is kept: no place
//! where it was taken, no second file behind it.

use crate::{
    problem::{FieldCode, Problem},
    workers::off_worker,
};
use bytes::Bytes;
use image::{
    DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits,
    codecs::png::{CompressionType, FilterType, PngEncoder},
};
use std::io::Cursor;
use tokio::sync::Semaphore;

/// Width and height of what is kept.
const SIDE: u32 = 256;
/// No more pixels than this are unpacked: a telephone's camera makes half as many.
const MAX_PIXELS: u64 = 32_000_000;
/// Nor more than this for one picture, in bytes.
const MAX_MEMORY: u64 = 160 * 1024 * 1024;
/// So many are unpacked at a time.
static AT_A_TIME: Semaphore = Semaphore::const_new(2);

/// The middle of a picture as a PNG of 256 by 256.
///
/// # Errors
/// 422 at `/file` for what is no PNG, JPEG, GIF or WebP by its content, can't be read, or is too large unpacked.
pub async fn thumbnail(file: Bytes) -> Result<Bytes, Problem> {
    // It is never closed.
    let _turn = AT_A_TIME.acquire().await.map_err(|_| Problem::internal())?;
    off_worker(move || small(&file)).await?
}

fn small(file: &[u8]) -> Result<Bytes, Problem> {
    let format = image::guess_format(file).ok();
    let known = [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::Gif, ImageFormat::WebP];
    let format = format.filter(|format| known.contains(format)).ok_or_else(|| {
        Problem::field("/file", FieldCode::InvalidValue, "A picture is needed: PNG, JPEG, GIF or WebP.")
    })?;
    let mut limits = Limits::default();
    limits.max_alloc = Some(MAX_MEMORY);
    let mut reader = ImageReader::with_format(Cursor::new(file), format);
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(|error| refused(&error))?;
    let (width, height) = decoder.dimensions();
    if u64::from(width) * u64::from(height) > MAX_PIXELS {
        return Err(too_large());
    }
    // Telephones say by it which side is up.
    let orientation = decoder.orientation().map_err(|error| refused(&error))?;
    let picture = DynamicImage::from_decoder(decoder).map_err(|error| refused(&error))?;
    let side = width.min(height);
    let mut square =
        picture.crop_imm((width - side) / 2, (height - side) / 2, side, side).thumbnail_exact(SIDE, SIDE);
    square.apply_orientation(orientation);
    let mut png = Vec::new();
    let encoder = PngEncoder::new_with_quality(&mut png, CompressionType::Best, FilterType::Adaptive);
    DynamicImage::ImageRgba8(square.to_rgba8()).write_with_encoder(encoder).map_err(|error| {
        tracing::error!(%error, "a picture could not be written");
        Problem::internal()
    })?;
    Ok(png.into())
}

fn refused(error: &ImageError) -> Problem {
    match error {
        ImageError::Limits(_) => too_large(),
        _ => Problem::field("/file", FieldCode::InvalidValue, "This picture can't be read."),
    }
}

fn too_large() -> Problem {
    Problem::field("/file", FieldCode::TooLarge, "A picture has at most 32 million pixels.")
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::{Rgb, RgbImage, codecs::jpeg::JpegEncoder};

    const RED: Rgb<u8> = Rgb([250, 10, 10]);
    const BLUE: Rgb<u8> = Rgb([10, 10, 250]);

    /// A camera's file, red on the left and blue on the right, that says by which of EXIF's eight orientations it is to be
    /// shown.
    fn photograph(orientation: u8) -> Vec<u8> {
        let halves = RgbImage::from_fn(64, 48, |x, _| if x < 32 { RED } else { BLUE });
        let mut jpeg = Vec::new();
        JpegEncoder::new(&mut jpeg).encode_image(&halves).unwrap();
        // APP1: a TIFF header, and one directory with one entry, 0x0112 (orientation), a SHORT.
        let mut exif = b"Exif\0\0MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0".to_vec();
        exif.extend([orientation, 0, 0, 0, 0, 0, 0]);
        let length = u16::try_from(exif.len() + 2).unwrap().to_be_bytes();
        let segment = [&[0xff, 0xe1][..], &length, &exif].concat();
        jpeg.splice(2..2, segment);
        jpeg
    }

    #[test]
    fn the_side_that_a_camera_says_is_up_is_up() {
        for (orientation, red_at) in
            [(1, (20, 128)), (2, (236, 128)), (3, (236, 128)), (6, (128, 20)), (8, (128, 236))]
        {
            let png = small(&photograph(orientation)).unwrap();
            let shown = image::load_from_memory(&png).unwrap().to_rgb8();
            let opposite = (SIDE - 1 - red_at.0, SIDE - 1 - red_at.1);
            let redness = |(x, y)| i32::from(shown.get_pixel(x, y)[0]) - i32::from(shown.get_pixel(x, y)[2]);
            assert!(redness(red_at) > 150 && redness(opposite) < -150, "{orientation}");
            assert!(
                !png.windows(4).any(|bytes| bytes == b"Exif" || bytes == b"eXIf"),
                "nothing else is kept"
            );
        }
    }

    #[test]
    fn a_side_that_makes_no_sense_is_no_reason_to_refuse() {
        assert!(small(&photograph(0)).is_ok() && small(&photograph(200)).is_ok());
        let mut broken = photograph(6);
        broken.truncate(broken.len() / 8);
        assert!(small(&broken).is_err(), "but half a picture is");
    }
}
