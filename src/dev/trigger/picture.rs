//! Draws the CAPTCHA of `sidegate dev`: strokes, bent and crossed, as a PNG.
//!
//! It keeps nobody out who means to get in; it shows what a pool's own image looks like on the page.

use aws_lc_rs::rand;

const WIDTH: usize = 260;
const HEIGHT: usize = 90;
/// Letters in one image.
const LENGTH: usize = 5;

/// Pieces of a stroke.
const PIECES: u8 = 6;

/// A stroke from one point to another, in a box of 6 by 10.
type Stroke = [i8; 4];

/// What can be drawn: nothing that can be taken for something else.
const GLYPHS: &[(u8, &[Stroke])] = &[
    (b'A', &[[0, 10, 3, 0], [3, 0, 6, 10], [1, 7, 5, 7]]),
    (
        b'E',
        &[[0, 0, 0, 10], [0, 0, 6, 0], [0, 5, 4, 5], [0, 10, 6, 10]],
    ),
    (b'F', &[[0, 0, 0, 10], [0, 0, 6, 0], [0, 5, 4, 5]]),
    (b'H', &[[0, 0, 0, 10], [6, 0, 6, 10], [0, 5, 6, 5]]),
    (b'K', &[[0, 0, 0, 10], [6, 0, 0, 5], [0, 5, 6, 10]]),
    (b'L', &[[0, 0, 0, 10], [0, 10, 6, 10]]),
    (
        b'M',
        &[[0, 10, 0, 0], [0, 0, 3, 5], [3, 5, 6, 0], [6, 0, 6, 10]],
    ),
    (b'N', &[[0, 10, 0, 0], [0, 0, 6, 10], [6, 10, 6, 0]]),
    (
        b'P',
        &[[0, 10, 0, 0], [0, 0, 6, 1], [6, 1, 6, 4], [6, 4, 0, 5]],
    ),
    (b'T', &[[0, 0, 6, 0], [3, 0, 3, 10]]),
    (b'X', &[[0, 0, 6, 10], [6, 0, 0, 10]]),
    (b'Y', &[[0, 0, 3, 5], [6, 0, 3, 5], [3, 5, 3, 10]]),
    (
        b'3',
        &[
            [0, 0, 6, 0],
            [6, 0, 2, 4],
            [2, 4, 6, 7],
            [6, 7, 4, 10],
            [4, 10, 0, 9],
        ],
    ),
    (b'4', &[[4, 10, 4, 0], [4, 0, 0, 6], [0, 6, 6, 6]]),
];

/// The letters of a new image; `None` when there is no randomness.
pub(super) fn text() -> Option<String> {
    let letters: Vec<u8> = GLYPHS.iter().map(|(letter, _)| *letter).collect();
    (0..LENGTH).map(|_| pick(&letters)).collect()
}

/// One of `letters`.
pub(super) fn pick(letters: &[u8]) -> Option<char> {
    let mut random = [0; 2];
    rand::fill(&mut random).ok()?;
    let at = usize::from(u16::from_be_bytes(random)) % letters.len().max(1);
    letters.get(at).map(|letter| char::from(*letter))
}

/// The image of a text, in grey; `None` when there is no randomness.
pub(super) fn png(text: &str) -> Option<Vec<u8>> {
    let mut canvas = Canvas::new()?;
    for (place, letter) in text.chars().enumerate() {
        let (_, strokes) = GLYPHS
            .iter()
            .find(|(known, _)| char::from(*known) == letter)?;
        canvas.letter(place, strokes)?;
    }
    for _line in 0..4 {
        let mut ends = [0.0; 4];
        for (at, end) in ends.iter_mut().enumerate() {
            *end = between(
                0.0,
                if at % 2 == 0 {
                    WIDTH as f32
                } else {
                    HEIGHT as f32
                },
            )?;
        }
        canvas.line(ends, 1.0, 110);
    }
    canvas.encode()
}

struct Canvas {
    grey: Vec<u8>,
    /// How the plane is bent: amplitude and phase, across and down.
    bend: [f32; 4],
}

impl Canvas {
    fn new() -> Option<Self> {
        Some(Self {
            grey: vec![245; WIDTH * HEIGHT],
            bend: [
                between(3.5, 6.0)?,
                between(0.0, 6.3)?,
                between(2.5, 4.0)?,
                between(0.0, 6.3)?,
            ],
        })
    }

    fn letter(&mut self, place: usize, strokes: &[Stroke]) -> Option<()> {
        let (turn, size) = (between(-0.3, 0.3)?, between(4.2, 5.4)?);
        let left = 22.0 + place as f32 * 47.0 + between(-4.0, 4.0)?;
        let top = 20.0 + between(-6.0, 6.0)?;
        let point = |x: f32, y: f32| {
            let (x, y) = ((x - 3.0) * size, (y - 5.0) * size);
            let (sin, cos) = turn.sin_cos();
            let (x, y) = (x * cos - y * sin, x * sin + y * cos);
            self.bent(left + 15.0 + x, top + 25.0 + y)
        };
        // In short pieces, so that a stroke bends with the plane.
        let pieces = strokes.iter().flat_map(|stroke| {
            let [x, y, to_x, to_y] = stroke.map(f32::from);
            (0..PIECES).map(move |piece| {
                let at = |piece: u8| {
                    let share = f32::from(piece) / f32::from(PIECES);
                    (x + (to_x - x) * share, y + (to_y - y) * share)
                };
                (at(piece), at(piece + 1))
            })
        });
        let lines: Vec<_> = pieces
            .map(|((x, y), (to_x, to_y))| {
                let ((x, y), (to_x, to_y)) = (point(x, y), point(to_x, to_y));
                [x, y, to_x, to_y]
            })
            .collect();
        for line in lines {
            self.line(line, 2.4, 25);
        }
        Some(())
    }

    fn bent(&self, x: f32, y: f32) -> (f32, f32) {
        let [across, across_at, down, down_at] = self.bend;
        (
            x + down * (y / 9.0 + down_at).sin(),
            y + across * (x / 14.0 + across_at).sin(),
        )
    }

    /// Darkens what is near a line.
    fn line(&mut self, [x, y, to_x, to_y]: [f32; 4], width: f32, ink: u8) {
        let (dx, dy) = (to_x - x, to_y - y);
        let length = (dx * dx + dy * dy).max(0.01);
        for (at, grey) in self.grey.iter_mut().enumerate() {
            let (px, py) = ((at % WIDTH) as f32, (at / WIDTH) as f32);
            let along = (((px - x) * dx + (py - y) * dy) / length).clamp(0.0, 1.0);
            let (off_x, off_y) = (px - x - along * dx, py - y - along * dy);
            if off_x * off_x + off_y * off_y < width * width {
                *grey = (*grey).min(ink);
            }
        }
    }

    fn encode(&self) -> Option<Vec<u8>> {
        let mut bytes = Vec::new();
        let (width, height) = (u32::try_from(WIDTH).ok()?, u32::try_from(HEIGHT).ok()?);
        let mut encoder = png::Encoder::new(&mut bytes, width, height);
        encoder.set_color(png::ColorType::Grayscale);
        encoder.set_depth(png::BitDepth::Eight);
        let mut writer = encoder.write_header().ok()?;
        writer.write_image_data(&self.grey).ok()?;
        writer.finish().ok()?;
        Some(bytes)
    }
}

fn between(least: f32, most: f32) -> Option<f32> {
    let mut random = [0; 2];
    rand::fill(&mut random).ok()?;
    let share = f32::from(u16::from_be_bytes(random)) / f32::from(u16::MAX);
    Some(least + share * (most - least))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_letter_is_drawn_and_no_two_images_are_alike() {
        for (letter, _) in GLYPHS {
            let text = String::from(char::from(*letter)).repeat(LENGTH);
            let image = png(&text).unwrap();
            assert!(image.starts_with(b"\x89PNG\r\n\x1a\n"), "{text}");
            assert_ne!(image, png(&text).unwrap(), "{text}: drawn the same twice");
        }
        assert_ne!(text().unwrap(), text().unwrap());
    }
}
