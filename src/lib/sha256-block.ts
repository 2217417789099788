/**
 * SHA-256's compression function (FIPS 180-4 §6.2.2): one block of 64 bytes into a state.
 *
 * Sixteen rounds are written out, so that the working variables and the message schedule stay in
 * registers: a third faster than loops over arrays, and it runs twice for every request with a session.
 *
 * @module
 */

// biome-ignore format: a table
const ROUND: Int32Array = Int32Array.of(
  0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
  0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
  0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
  0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
  0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
  0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
  0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
  0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
);

/** Mixes a block of 16 words, the first byte highest, into a state of 8. */
export function compress(state: Int32Array, block: Int32Array): void {
  let a = state[0] as number;
  let b = state[1] as number;
  let c = state[2] as number;
  let d = state[3] as number;
  let e = state[4] as number;
  let f = state[5] as number;
  let g = state[6] as number;
  let h = state[7] as number;
  let w0 = block[0] as number;
  let w1 = block[1] as number;
  let w2 = block[2] as number;
  let w3 = block[3] as number;
  let w4 = block[4] as number;
  let w5 = block[5] as number;
  let w6 = block[6] as number;
  let w7 = block[7] as number;
  let w8 = block[8] as number;
  let w9 = block[9] as number;
  let w10 = block[10] as number;
  let w11 = block[11] as number;
  let w12 = block[12] as number;
  let w13 = block[13] as number;
  let w14 = block[14] as number;
  let w15 = block[15] as number;

  for (let t = 0; ; t += 16) {
    h = (h + k(t) + w0 + (r(e, 6) ^ r(e, 11) ^ r(e, 25)) + (g ^ (e & (f ^ g)))) | 0;
    d = (d + h) | 0;
    h = (h + (r(a, 2) ^ r(a, 13) ^ r(a, 22)) + ((a & b) | (c & (a | b)))) | 0;
    g = (g + k(t + 1) + w1 + (r(d, 6) ^ r(d, 11) ^ r(d, 25)) + (f ^ (d & (e ^ f)))) | 0;
    c = (c + g) | 0;
    g = (g + (r(h, 2) ^ r(h, 13) ^ r(h, 22)) + ((h & a) | (b & (h | a)))) | 0;
    f = (f + k(t + 2) + w2 + (r(c, 6) ^ r(c, 11) ^ r(c, 25)) + (e ^ (c & (d ^ e)))) | 0;
    b = (b + f) | 0;
    f = (f + (r(g, 2) ^ r(g, 13) ^ r(g, 22)) + ((g & h) | (a & (g | h)))) | 0;
    e = (e + k(t + 3) + w3 + (r(b, 6) ^ r(b, 11) ^ r(b, 25)) + (d ^ (b & (c ^ d)))) | 0;
    a = (a + e) | 0;
    e = (e + (r(f, 2) ^ r(f, 13) ^ r(f, 22)) + ((f & g) | (h & (f | g)))) | 0;
    d = (d + k(t + 4) + w4 + (r(a, 6) ^ r(a, 11) ^ r(a, 25)) + (c ^ (a & (b ^ c)))) | 0;
    h = (h + d) | 0;
    d = (d + (r(e, 2) ^ r(e, 13) ^ r(e, 22)) + ((e & f) | (g & (e | f)))) | 0;
    c = (c + k(t + 5) + w5 + (r(h, 6) ^ r(h, 11) ^ r(h, 25)) + (b ^ (h & (a ^ b)))) | 0;
    g = (g + c) | 0;
    c = (c + (r(d, 2) ^ r(d, 13) ^ r(d, 22)) + ((d & e) | (f & (d | e)))) | 0;
    b = (b + k(t + 6) + w6 + (r(g, 6) ^ r(g, 11) ^ r(g, 25)) + (a ^ (g & (h ^ a)))) | 0;
    f = (f + b) | 0;
    b = (b + (r(c, 2) ^ r(c, 13) ^ r(c, 22)) + ((c & d) | (e & (c | d)))) | 0;
    a = (a + k(t + 7) + w7 + (r(f, 6) ^ r(f, 11) ^ r(f, 25)) + (h ^ (f & (g ^ h)))) | 0;
    e = (e + a) | 0;
    a = (a + (r(b, 2) ^ r(b, 13) ^ r(b, 22)) + ((b & c) | (d & (b | c)))) | 0;
    h = (h + k(t + 8) + w8 + (r(e, 6) ^ r(e, 11) ^ r(e, 25)) + (g ^ (e & (f ^ g)))) | 0;
    d = (d + h) | 0;
    h = (h + (r(a, 2) ^ r(a, 13) ^ r(a, 22)) + ((a & b) | (c & (a | b)))) | 0;
    g = (g + k(t + 9) + w9 + (r(d, 6) ^ r(d, 11) ^ r(d, 25)) + (f ^ (d & (e ^ f)))) | 0;
    c = (c + g) | 0;
    g = (g + (r(h, 2) ^ r(h, 13) ^ r(h, 22)) + ((h & a) | (b & (h | a)))) | 0;
    f = (f + k(t + 10) + w10 + (r(c, 6) ^ r(c, 11) ^ r(c, 25)) + (e ^ (c & (d ^ e)))) | 0;
    b = (b + f) | 0;
    f = (f + (r(g, 2) ^ r(g, 13) ^ r(g, 22)) + ((g & h) | (a & (g | h)))) | 0;
    e = (e + k(t + 11) + w11 + (r(b, 6) ^ r(b, 11) ^ r(b, 25)) + (d ^ (b & (c ^ d)))) | 0;
    a = (a + e) | 0;
    e = (e + (r(f, 2) ^ r(f, 13) ^ r(f, 22)) + ((f & g) | (h & (f | g)))) | 0;
    d = (d + k(t + 12) + w12 + (r(a, 6) ^ r(a, 11) ^ r(a, 25)) + (c ^ (a & (b ^ c)))) | 0;
    h = (h + d) | 0;
    d = (d + (r(e, 2) ^ r(e, 13) ^ r(e, 22)) + ((e & f) | (g & (e | f)))) | 0;
    c = (c + k(t + 13) + w13 + (r(h, 6) ^ r(h, 11) ^ r(h, 25)) + (b ^ (h & (a ^ b)))) | 0;
    g = (g + c) | 0;
    c = (c + (r(d, 2) ^ r(d, 13) ^ r(d, 22)) + ((d & e) | (f & (d | e)))) | 0;
    b = (b + k(t + 14) + w14 + (r(g, 6) ^ r(g, 11) ^ r(g, 25)) + (a ^ (g & (h ^ a)))) | 0;
    f = (f + b) | 0;
    b = (b + (r(c, 2) ^ r(c, 13) ^ r(c, 22)) + ((c & d) | (e & (c | d)))) | 0;
    a = (a + k(t + 15) + w15 + (r(f, 6) ^ r(f, 11) ^ r(f, 25)) + (h ^ (f & (g ^ h)))) | 0;
    e = (e + a) | 0;
    a = (a + (r(b, 2) ^ r(b, 13) ^ r(b, 22)) + ((b & c) | (d & (b | c)))) | 0;

    if (t === 48) break;

    w0 =
      (w0 + w9 + (r(w1, 7) ^ r(w1, 18) ^ (w1 >>> 3)) + (r(w14, 17) ^ r(w14, 19) ^ (w14 >>> 10))) |
      0;
    w1 =
      (w1 + w10 + (r(w2, 7) ^ r(w2, 18) ^ (w2 >>> 3)) + (r(w15, 17) ^ r(w15, 19) ^ (w15 >>> 10))) |
      0;
    w2 =
      (w2 + w11 + (r(w3, 7) ^ r(w3, 18) ^ (w3 >>> 3)) + (r(w0, 17) ^ r(w0, 19) ^ (w0 >>> 10))) | 0;
    w3 =
      (w3 + w12 + (r(w4, 7) ^ r(w4, 18) ^ (w4 >>> 3)) + (r(w1, 17) ^ r(w1, 19) ^ (w1 >>> 10))) | 0;
    w4 =
      (w4 + w13 + (r(w5, 7) ^ r(w5, 18) ^ (w5 >>> 3)) + (r(w2, 17) ^ r(w2, 19) ^ (w2 >>> 10))) | 0;
    w5 =
      (w5 + w14 + (r(w6, 7) ^ r(w6, 18) ^ (w6 >>> 3)) + (r(w3, 17) ^ r(w3, 19) ^ (w3 >>> 10))) | 0;
    w6 =
      (w6 + w15 + (r(w7, 7) ^ r(w7, 18) ^ (w7 >>> 3)) + (r(w4, 17) ^ r(w4, 19) ^ (w4 >>> 10))) | 0;
    w7 =
      (w7 + w0 + (r(w8, 7) ^ r(w8, 18) ^ (w8 >>> 3)) + (r(w5, 17) ^ r(w5, 19) ^ (w5 >>> 10))) | 0;
    w8 =
      (w8 + w1 + (r(w9, 7) ^ r(w9, 18) ^ (w9 >>> 3)) + (r(w6, 17) ^ r(w6, 19) ^ (w6 >>> 10))) | 0;
    w9 =
      (w9 + w2 + (r(w10, 7) ^ r(w10, 18) ^ (w10 >>> 3)) + (r(w7, 17) ^ r(w7, 19) ^ (w7 >>> 10))) |
      0;
    w10 =
      (w10 + w3 + (r(w11, 7) ^ r(w11, 18) ^ (w11 >>> 3)) + (r(w8, 17) ^ r(w8, 19) ^ (w8 >>> 10))) |
      0;
    w11 =
      (w11 + w4 + (r(w12, 7) ^ r(w12, 18) ^ (w12 >>> 3)) + (r(w9, 17) ^ r(w9, 19) ^ (w9 >>> 10))) |
      0;
    w12 =
      (w12 +
        w5 +
        (r(w13, 7) ^ r(w13, 18) ^ (w13 >>> 3)) +
        (r(w10, 17) ^ r(w10, 19) ^ (w10 >>> 10))) |
      0;
    w13 =
      (w13 +
        w6 +
        (r(w14, 7) ^ r(w14, 18) ^ (w14 >>> 3)) +
        (r(w11, 17) ^ r(w11, 19) ^ (w11 >>> 10))) |
      0;
    w14 =
      (w14 +
        w7 +
        (r(w15, 7) ^ r(w15, 18) ^ (w15 >>> 3)) +
        (r(w12, 17) ^ r(w12, 19) ^ (w12 >>> 10))) |
      0;
    w15 =
      (w15 + w8 + (r(w0, 7) ^ r(w0, 18) ^ (w0 >>> 3)) + (r(w13, 17) ^ r(w13, 19) ^ (w13 >>> 10))) |
      0;
  }

  state[0] = (state[0] as number) + a;
  state[1] = (state[1] as number) + b;
  state[2] = (state[2] as number) + c;
  state[3] = (state[3] as number) + d;
  state[4] = (state[4] as number) + e;
  state[5] = (state[5] as number) + f;
  state[6] = (state[6] as number) + g;
  state[7] = (state[7] as number) + h;
}

// Small enough for every engine to inline wherever it stands.
function r(word: number, bits: number): number {
  return (word >>> bits) | (word << (32 - bits));
}

function k(t: number): number {
  return ROUND[t] as number;
}
