/**
 * Whether an app secret will do: long enough, random by a careful estimate, and not known to everybody.
 *
 * Who guesses the secret signs in as anyone, and can try guesses without asking the server. So a
 * phrase is never enough, and nothing here stretches one.
 *
 * @module
 */

const MIN_BYTES = 32;
const MIN_CHARACTERS = 43;
const MIN_BITS = 128;
const JUDGED_CHARACTERS = 256;

/** What is wrong with a secret, without a word of it; `undefined` when it will do. */
export function secretProblem(secret: unknown): string | undefined {
  if (secret === undefined) return "is undefined (is the environment variable set?)";
  if (typeof secret === "string") return textProblem(secret);
  if (secret instanceof Uint8Array) return bytesProblem(secret);
  return "is neither a string nor a Uint8Array";
}

const PRINTABLE = /^[!-~]+$/;
const LINES = /^[\s!-~]+$/;
const GENERATED = /^ck1_[\w-]{43}$/;
const PHRASE = /^([a-z._-]+|[A-Z._-]+)\d{0,8}$/;
const HEX = /^([\da-f]{2})+$/i;
const PLACEHOLDER =
  /change.?(me|this)|replace.?(me|this|with)|insecure|placeholder|example|keyboard.?cat|at.?least.?\d\d/i;
// How keys begin that documentation prints (ours, Flask, Tornado, RFC 7515 A.1), and the SHA-256, in hex and
// base64, of nothing, "secret", "password", "changeme" and "test".
const PUBLISHED =
  /^(zvVRzzTc|192b9bdd|43oETzKX|11oETzKX|AyM1SysP|e3b0c442|47DEQpj8|2bb80d53|K7gNU3sd|5e884898|XohImNoo|057ba03d|BXugPWxE|9f86d081|n4bQgYhM)/i;

function bytesProblem(bytes: Uint8Array): string | undefined {
  if (bytes.length < MIN_BYTES) return `has ${bytes.length} bytes and needs ${MIN_BYTES}`;
  const text = String.fromCharCode(...bytes.subarray(0, JUDGED_CHARACTERS));
  // Random bytes never look so: this is a text, or a file of one, and has to be as long as one.
  return LINES.test(text) ? textProblem(text) : randomnessProblem(text);
}

function textProblem(text: string): string | undefined {
  if (text.length < MIN_CHARACTERS) {
    return `has ${text.length} characters and needs ${MIN_CHARACTERS}`;
  }
  // White space is the end of a file, or between words; other letters have more than one encoding.
  if (!PRINTABLE.test(text))
    return "has white space (a line break at its end?) or characters that are not ASCII";
  if (text.startsWith("ck1_") && !GENERATED.test(text)) {
    return "begins like a generated one and is not whole";
  }
  if (PLACEHOLDER.test(text)) return "is a placeholder";
  if (PUBLISHED.test(text)) return "is published";
  if (PHRASE.test(text)) return TOO_EASY;
  return randomnessProblem(text) ?? encodedProblem(text.slice(0, JUDGED_CHARACTERS));
}

/** A phrase, or bytes in order, looks random in base64, and in hexadecimal. */
function encodedProblem(text: string): string | undefined {
  const inner = HEX.test(text)
    ? text.replace(/../g, (pair) => String.fromCharCode(Number.parseInt(pair, 16)))
    : decodedBase64(text);
  // Fewer bytes than these can't be judged by how often each is there.
  if (!LINES.test(inner) && inner.length < MIN_BYTES) return undefined;
  return randomnessProblem(inner) ?? encodedProblem(inner);
}

function decodedBase64(text: string): string {
  try {
    return atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  } catch {
    return "";
  }
}

function randomnessProblem(text: string): string | undefined {
  const judged = text.slice(0, JUDGED_CHARACTERS).replace(WORDS, "");
  return estimatedBits(judged) < MIN_BITS ? TOO_EASY : undefined;
}

const TOO_EASY = "is too easy to guess (words, repeats, sequences)";
const WORDS =
  /secret|password|session|cookie|secur(e|ity)|signing|encrypt(ion)?|production|development|character|random|string|private|application|server|super/gi;
// Where fingers go on a keyboard, and what people know by heart.
const KNOWN =
  "qwertyuiop[]asdfghjkl;'zxcvbnm,./ 1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik,9ol.0p;/ qazwsxedcrfvtgbyhnujmikolp " +
  "!@#$%^&*()_+ 31415926535897932384626433832795028841971693993751 2718281828459045235360287471 " +
  "thequickbrownfoxjumpsoverthelazydog loremipsumdolorsitamet deadbeefcafebabe ";
const KNOWN_EITHER_WAY = KNOWN + Array.from(KNOWN).reverse().join("");
const MIN_RUN = 4;
// The most frequent pairs of letters in English: three quarters of a phrase, a sixth of random letters.
const PAIRS = new Set(
  (
    "th he in er an re on at en nd ti es or te of ed is it al ar st to nt ng se ha as ou io le ve co me " +
    "de hi ri ro ic ne ea ra ce li ch ll be ma si om ur ca el ta la ns di fo ho pe ec pr no ct us ac ot " +
    "il tr ly nc et ut ss so rs un lo wa ge ie wh ee wi em ad ol rt po we na ul ni ts mo ow pa im mi ai " +
    "sh ir su id os iv ia am ke ey cr ry pt pl ap up ds my yo bo do go ok ki"
  ).split(" "),
);
const LETTER_OF: Readonly<Record<string, string>> = {
  "0": "o",
  "1": "l",
  "3": "e",
  "4": "a",
  "5": "s",
  "7": "t",
  "@": "a",
  $: "s",
};

/**
 * How hard a text is to guess, rather too low than too high. A copy or a sequence counts what it takes
 * to say where it begins; a letter inside three that look like a word, one bit; everything else, what
 * its rarity in the text says (Shannon). 32 random bytes come to 155, in hex or base64 to some 200.
 */
function estimatedBits(text: string): number {
  const folded = text.toLowerCase();
  const letters = folded.replace(/[013457@$]/g, (character) => LETTER_OF[character] as string);
  const isPair = Array.from(text, (_, at) => PAIRS.has(letters.slice(Math.max(at - 1, 0), at + 1)));
  const counts = new Map<string, number>();
  for (const character of text) counts.set(character, (counts.get(character) ?? 0) + 1);
  let bits = 0;
  let at = 0;
  while (at < text.length) {
    const run = Math.max(copyLength(folded, at), steps(folded, at, 1), steps(folded, at, 2) - 2);
    if (run >= MIN_RUN) {
      bits += Math.log2(KNOWN_EITHER_WAY.length + text.length);
      at += run;
    } else {
      const inWord = isPair[at] && (isPair[at - 1] || isPair[at + 1]);
      bits += inWord ? 1 : Math.log2(text.length / (counts.get(text[at] as string) as number));
      at += 1;
    }
  }
  return bits;
}

// How much from here on was there before, or is well known.
function copyLength(text: string, at: number): number {
  let length = 0;
  while (at + length < text.length) {
    const piece = text.slice(at, at + length + 1);
    if (!KNOWN_EITHER_WAY.includes(piece) && text.indexOf(piece) >= at) break;
    length += 1;
  }
  return length;
}

// How far a sequence goes on: "aaaa", "abcd", "4321"; with a stride of two also "a1b2c3".
function steps(text: string, at: number, stride: number): number {
  let end = at + stride;
  while (end < text.length) {
    const step = text.charCodeAt(end) - text.charCodeAt(end - stride);
    const before = text.charCodeAt(end - stride) - text.charCodeAt(end - 2 * stride);
    if (end < at + 2 * stride ? Math.abs(step) > 1 : step !== before) break;
    end += 1;
  }
  return end - at;
}
