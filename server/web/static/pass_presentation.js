// Makes the presentations of a bound credential, byte by byte as docs/protocol.md (section 2) has them.

const PREFIX = "GK1:";
const CONTEXT = new TextEncoder().encode("genkan-pass-1");
const ARRAY_OF_FOUR = 0x84;
const EMPTY_MAP = 0xa0;
const ES256 = [0xa1, 0x01, 0x26]; // {1 (alg): -7}
const ES256_WITH_ID = [0xa2, 0x01, 0x26, 0x04, 0x50]; // {1 (alg): -7, 4 (kid): the credential's id, which follows}
const TIME_ALONE = [0x81, 0x1a]; // an array of one number of four bytes
const PAIR_WITH_TIME = [0x82, 0x1a]; // an array of two whose first is one
const SIGNATURE_1 = [0x84, 0x6a, ...new TextEncoder().encode("Signature1")]; // RFC 9052, 4.4
const ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"; // RFC 9285

// The text of the full presentation: [time, credential], signed by the key that the credential names.
export async function full(credential, key, seconds) {
  const payload = [...PAIR_WITH_TIME, ...fourBytes(seconds), ...byteString(credential)];
  return toText(await signed(ES256, payload, credential, key));
}

// The text of the short one, for gates that hold the credential: its id in the place of the credential.
export async function short(credential, id, key, seconds) {
  const payload = [...TIME_ALONE, ...fourBytes(seconds)];
  return toText(await signed([...ES256_WITH_ID, ...id], payload, credential, key));
}

export function toText(message) {
  return PREFIX + base45(message);
}

async function signed(header, payload, credential, key) {
  // It belongs to this credential, byte for byte, and to nothing else.
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", credential));
  const context = byteString([...CONTEXT, ...digest]);
  const toSign = new Uint8Array([...SIGNATURE_1, ...byteString(header), ...context, ...byteString(payload)]);
  // WebCrypto gives r and s as 64 bytes, which is how COSE wants them (RFC 9053, 2.1).
  const signature = await crypto.subtle.sign({ name: "ECDSA", hash: "SHA-256" }, key, toSign);
  const parts = [...byteString(header), EMPTY_MAP, ...byteString(payload), ...byteString(new Uint8Array(signature))];
  return new Uint8Array([ARRAY_OF_FOUR, ...parts]);
}

// A byte string with its length in the shortest form (RFC 8949, 4.2.1); ours stay below 256 bytes.
function byteString(content) {
  if (content.length > 255) throw new RangeError("longer than anything in a presentation");
  const head = content.length < 24 ? [0x40 | content.length] : [0x58, content.length];
  return [...head, ...content];
}

function fourBytes(number) {
  return [24, 16, 8, 0].map((shift) => (number >>> shift) & 0xff);
}

function base45(bytes) {
  let text = "";
  for (let at = 0; at < bytes.length; at += 2) {
    const whole = at + 1 < bytes.length;
    let value = whole ? bytes[at] * 256 + bytes[at + 1] : bytes[at];
    for (let digits = whole ? 3 : 2; digits > 0; digits -= 1) {
      text += ALPHABET[value % 45];
      value = Math.floor(value / 45);
    }
  }
  return text;
}
