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
