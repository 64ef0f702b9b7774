// Compares a typed answer with the expected one in a time that does not depend on where they differ.

import { createHash, timingSafeEqual } from 'node:crypto';

/** False when either is missing or empty: nothing typed is never right. */
export function equal(typed, expected) {
  if (typeof typed !== 'string' || typeof expected !== 'string' || typed === '' || expected === '') {
    return false;
  }
  // Digests have one length, which `timingSafeEqual` needs.
  return timingSafeEqual(digest(typed), digest(expected));
}

function digest(text) {
  return createHash('sha256').update(text).digest();
}
