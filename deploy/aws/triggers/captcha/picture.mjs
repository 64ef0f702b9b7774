// Draws a text as a distorted picture, and writes it as a PNG with 16 greys.
//
// The signs are strokes. Each is turned, sheared, scaled and moved by chance; the whole sheet is then bent by waves, crossed
// by thinner curves and strewn with grains, so that neither the place of a sign nor its edge is where a font has it.
// All chance comes from the system's generator.

import { randomBytes } from 'node:crypto';
import { crc32, deflateSync } from 'node:zlib';

export const WIDTH = 260;
export const HEIGHT = 84;

// In a box of 1 × 1 with y downwards. `~` marks a stroke that is rounded. Signs that resemble each other (0 O D Q, 1 I L,
// 2 Z, 4 A, 5 S, 8 B, G 6, U V) are not both there.
const STROKES = {
  A: ['0,1 .5,0 1,1', '.2,.65 .8,.65'],
  C: ['~ 1,.2 .75,-.05 .2,.05 0,.5 .2,.95 .75,1.05 1,.8'],
  E: ['1,0 0,0 0,1 1,1', '0,.5 .8,.5'],
  F: ['1,0 0,0 0,1', '0,.48 .75,.48'],
  H: ['0,0 0,1', '1,0 1,1', '0,.5 1,.5'],
  J: ['~ .8,0 .8,.35 .8,.8 .5,1.05 .15,.95 0,.7', '.45,0 1,0'],
  K: ['0,0 0,1', '.95,0 0,.55', '.3,.4 1,1'],
  M: ['0,1 .05,0 .5,.65 .95,0 1,1'],
  N: ['0,1 0,0 1,1 1,0'],
  P: ['0,1 0,0', '~ 0,0 .6,0 1.05,.05 1.05,.5 .6,.55 0,.55'],
  R: ['0,1 0,0', '~ 0,0 .6,0 1.05,.05 1.05,.45 .6,.5 0,.5', '.45,.5 1,1'],
  T: ['0,0 1,0', '.5,0 .5,1'],
  W: ['0,0 .22,1 .5,.3 .78,1 1,0'],
  X: ['0,0 1,1', '1,0 0,1'],
  Y: ['0,0 .5,.5 1,0', '.5,.5 .5,1'],
  3: ['~ .05,.1 .5,-.08 1,.1 .9,.45 .4,.48', '~ .4,.48 1.05,.5 1.05,1 .5,1.1 0,.88'],
  6: ['~ .9,.08 .45,-.05 .05,.35 0,.75', '~ 0,.75 .05,.4 .95,.4 1.05,.75 .8,1.08 .25,1.08 0,.75'],
  7: ['0,0 1,0 .35,1', '.3,.5 .85,.5'],
  9: ['~ .1,.92 .55,1.05 .95,.65 1,.25', '~ 1,.25 .95,.6 .05,.6 -.05,.25 .2,-.08 .75,-.08 1,.25'],
};

/** The signs a picture can show. */
export const ALPHABET = Object.keys(STROKES).join('');

/** `text`, of signs of `ALPHABET`, as the bytes of a PNG. Two pictures of one text differ. */
export function picture(text) {
  const chance = chances();
  const strokes = [...signs(text, chance), ...curves(chance)];
  const bend = waves(chance);
  const paper = between(chance, 0.86, 0.97);
  const ink = between(chance, 0.05, 0.25);
  const tilt = between(chance, -0.1, 0.1);
  const grey = new Float64Array(WIDTH * HEIGHT);
  for (let y = 0; y < HEIGHT; y += 1) {
    for (let x = 0; x < WIDTH; x += 1) {
      const covered = coverage(bend(x, y), strokes);
      const light = paper + tilt * (x / WIDTH - y / HEIGHT);
      grey[y * WIDTH + x] = light + (ink - light) * covered;
    }
  }
  strew(grey, chance);
  return png(grey);
}

/** The signs side by side, each in its own shape, as polylines in pixels with half their width. */
function signs(text, chance) {
  const step = (WIDTH - 40) / text.length;
  return [...text].flatMap((sign, place) => {
    const turn = between(chance, -0.32, 0.32);
    const shear = between(chance, -0.22, 0.22);
    const width = step * between(chance, 0.54, 0.68);
    const height = HEIGHT * between(chance, 0.42, 0.56);
    const half = between(chance, 1.7, 2.4);
    const middle = [20 + step * (place + 0.5) + between(chance, -2, 2), HEIGHT / 2 + between(chance, -7, 7)];
    return STROKES[sign].map((stroke) => ({
      half,
      points: points(stroke).map(([x, y]) => {
        const [down, across] = [(y - 0.5) * height, (x - 0.5) * width + (y - 0.5) * shear * height];
        return [
          middle[0] + across * Math.cos(turn) - down * Math.sin(turn),
          middle[1] + across * Math.sin(turn) + down * Math.cos(turn),
        ];
      }),
    }));
  });
}

function points(stroke) {
  const rounded = stroke.startsWith('~');
  const corners = stroke.replace('~', '').trim().split(' ').map((point) => point.split(',').map(Number));
  return rounded ? cutCorners(cutCorners(corners)) : corners;
}

/** Chaikin's corner cutting; the ends stay where they are. */
function cutCorners(corners) {
  const cut = corners.slice(1).flatMap(([x, y], place) => {
    const [x0, y0] = corners[place];
    return [
      [x0 + (x - x0) / 4, y0 + (y - y0) / 4],
      [x0 + ((x - x0) * 3) / 4, y0 + ((y - y0) * 3) / 4],
    ];
  });
  return [corners[0], ...cut.slice(1, -1), corners.at(-1)];
}

/** Two curves right across: they join the signs, so that a program cannot cut the sheet at its gaps. */
function curves(chance) {
  return [0.35, 0.65].map((level) => {
    const corners = Array.from({ length: 6 }, (_, place) => [
      (WIDTH * place) / 5,
      HEIGHT * level + between(chance, -HEIGHT / 4, HEIGHT / 4),
    ]);
    return { half: between(chance, 0.6, 1), points: cutCorners(cutCorners(corners)) };
  });
}

/** Where on the flat sheet the bent sheet's pixel lies. */
function waves(chance) {
  const wave = (low, high, length) => {
    const [height, phase] = [between(chance, low, high), between(chance, 0, 2 * Math.PI)];
    const stretch = (2 * Math.PI) / (length * between(chance, 0.8, 1.25));
    return (at) => height * Math.sin(at * stretch + phase);
  };
  const [down, downFast, across] = [wave(3, 6, 130), wave(0.8, 1.8, 38), wave(1.5, 3, 60)];
  return (x, y) => [x + across(y), y + down(x) + downFast(x)];
}

/** How much of the pixel is ink, 0 to 1, with a soft edge of a pixel. */
function coverage([x, y], strokes) {
  let most = 0;
  for (const { half, points } of strokes) {
    for (let place = 1; place < points.length; place += 1) {
      const far = distance(x, y, points[place - 1], points[place]);
      most = Math.max(most, Math.min(1, half + 0.5 - far));
    }
  }
  return Math.max(0, most);
}

function distance(x, y, [x0, y0], [x1, y1]) {
  const [dx, dy] = [x1 - x0, y1 - y0];
  const along = Math.max(0, Math.min(1, ((x - x0) * dx + (y - y0) * dy) / (dx * dx + dy * dy || 1)));
  return Math.hypot(x - x0 - along * dx, y - y0 - along * dy);
}

/** Grains: one pixel in twelve is pushed towards the other shade. */
function strew(grey, chance) {
  for (let at = 0; at < grey.length; at += 1) {
    if (chance() < 1 / 12) {
      grey[at] += grey[at] > 0.5 ? -between(chance, 0.1, 0.55) : between(chance, 0.1, 0.4);
    }
  }
}

/** Numbers from 0 to 1, from the system's generator. */
function chances() {
  let [bytes, at] = [Buffer.alloc(0), 0];
  return () => {
    if (at === bytes.length) {
      [bytes, at] = [randomBytes(8192), 0];
    }
    at += 4;
    return bytes.readUInt32LE(at - 4) / 2 ** 32;
  };
}

function between(chance, low, high) {
  return low + (high - low) * chance();
}

/** A PNG of 4-bit greys (W3C PNG, sections 11.2 and 11.3): header, one block of rows, end. */
function png(grey) {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(WIDTH, 0);
  header.writeUInt32BE(HEIGHT, 4);
  header.set([4, 0, 0, 0, 0], 8);
  const length = 1 + WIDTH / 2;
  const rows = Buffer.alloc(HEIGHT * length);
  for (let at = 0; at < grey.length; at += 1) {
    const [x, y] = [at % WIDTH, Math.floor(at / WIDTH)];
    const level = Math.max(0, Math.min(15, Math.round(grey[at] * 15)));
    rows[y * length + 1 + (x >> 1)] |= x % 2 === 0 ? level << 4 : level;
  }
  return Buffer.concat([
    Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
    chunk('IHDR', header),
    chunk('IDAT', deflateSync(rows, { level: 9 })),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

function chunk(type, content) {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), content]);
  const [length, check] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(content.length);
  check.writeUInt32BE(crc32(body));
  return Buffer.concat([length, body, check]);
}
