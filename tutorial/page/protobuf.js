// Protobuf, as far as kv.proto needs it: https://protobuf.dev/programming-guides/encoding/

const VARINT = 0n;
const LEN = 2n;

/**
 * The bytes of a message with these fields: each a number, a type and a value. What has its default, an empty text or
 * 0, is not sent.
 */
export function encode(fields) {
  const pieces = [];
  for (const [number, type, value] of fields) {
    if (type === "string" && value !== "") {
      const text = new TextEncoder().encode(value);
      pieces.push(varint((BigInt(number) << 3n) | LEN), varint(BigInt(text.length)), text);
    } else if (type === "int64" && value !== 0n) {
      pieces.push(varint((BigInt(number) << 3n) | VARINT), varint(value));
    }
  }
  return joined(pieces);
}

/** The fields of a message, by their numbers: a BigInt, or the bytes behind a length. */
export function decode(bytes) {
  const fields = new Map();
  let at = 0;
  const number = () => {
    let value = 0n;
    for (let shift = 0n; shift < 64n; shift += 7n) {
      if (at >= bytes.length) break;
      const byte = bytes[at++];
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt.asUintN(64, value);
    }
    throw new Error(`protobuf: a number has no end, at byte ${at}`);
  };
  while (at < bytes.length) {
    const tag = number();
    if ((tag & 7n) === VARINT) {
      fields.set(Number(tag >> 3n), number());
    } else if ((tag & 7n) === LEN) {
      const length = Number(number());
      if (at + length > bytes.length) throw new Error(`protobuf: ${length} bytes are due at byte ${at}`);
      fields.set(Number(tag >> 3n), bytes.subarray(at, at + length));
      at += length;
    } else {
      throw new Error(`protobuf: kv.proto has no field of type ${tag & 7n}, at byte ${at}`);
    }
  }
  return fields;
}

/** The text of a field; absent: empty. */
export const text = (field) => new TextDecoder().decode(field ?? new Uint8Array());

/** A signed number of 64 bits; absent: 0. A Number of JavaScript has exact integers only up to 2^53. */
export const int64 = (field) => BigInt.asIntN(64, field ?? 0n);

/** Bytes behind one another. */
export function joined(pieces) {
  const bytes = new Uint8Array(pieces.reduce((size, piece) => size + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
}

/** Seven bits a byte, the lowest first; the top bit says that another byte follows. */
function varint(value) {
  const bytes = [];
  let left = BigInt.asUintN(64, value);
  for (; left > 0x7fn; left >>= 7n) bytes.push(Number(left & 0x7fn) | 0x80);
  bytes.push(Number(left));
  return bytes;
}
