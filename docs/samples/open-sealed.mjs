// Verifies and opens an answer of GET /v1/referrals/{id}/sealed, with nothing but Node's own crypto (18 or newer).
//
//   node open-sealed.mjs < hand-over.json
//
// hand-over.json: {"document": the answer, "private_key": your X25519 key (32 bytes, base64url), "jwks": /.well-known/jwks.json}
// Add "pieces" (the answers of one document's pieces, in order), and it prints {"parts": …, "pages": [JPEG in base64url, …]}.
// For organisations that registered an X25519 key. X-Wing needs ML-KEM-768, which Node has from version 24 on.
import { createCipheriv, createDecipheriv, createHmac, createPrivateKey, createPublicKey, diffieHellman, hkdfSync, verify } from "node:crypto";
import { readFileSync } from "node:fs";

const bytes = (text) => Buffer.from(text, "base64url");
const number = (value, size) => { const out = Buffer.alloc(size); out.writeUIntBE(value, 0, size); return out; };

/** Texts, each behind its length in four bytes: what is signed, and what ciphertexts are bound to. */
const context = (...texts) => Buffer.concat(texts.flatMap((text) => [number(Buffer.byteLength(text), 4), Buffer.from(text)]));

export function verifyHandOver(document, jwks) {
  const { kid, signed_at, value } = document.signature;
  const jwk = jwks.keys.find((key) => key.kid === kid);
  const texts = ["pristan/hand-over", kid, signed_at, document.referral, document.case, document.key_id, document.info, document.wrap];
  for (const part of document.parts)
    texts.push(part.id, part.part, String(part.seq), part.author, String(part.version), part.aad, part.ciphertext);
  if (!jwk || !verify(null, context(...texts), createPublicKey({ key: jwk, format: "jwk" }), bytes(value)))
    throw new Error("not signed by the service");
}

// --- HPKE (RFC 9180), base mode: DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-256-GCM ---------------------------------

const hmac = (key, data) => createHmac("sha256", key).update(data).digest();
const expand = (key, info, length) => hmac(key, Buffer.concat([info, Buffer.from([1])])).subarray(0, length); // one block is enough
const labelled = (suite) => ({
  extract: (salt, label, material) => hmac(salt, Buffer.concat([Buffer.from("HPKE-v1"), suite, Buffer.from(label), material])),
  expand: (key, label, info, length) =>
    expand(key, Buffer.concat([number(length, 2), Buffer.from("HPKE-v1"), suite, Buffer.from(label), info]), length),
});
const NOTHING = Buffer.alloc(0);
const KEM = labelled(Buffer.concat([Buffer.from("KEM"), number(0x0020, 2)]));
const HPKE = labelled(Buffer.concat([Buffer.from("HPKE"), number(0x0020, 2), number(1, 2), number(2, 2)]));
const PKCS8 = Buffer.from("302e020100300506032b656e04220420", "hex"); // what stands before 32 raw bytes of an X25519 key

export function openHpke(wrap, privateRaw, info) {
  const [enc, sealed] = [wrap.subarray(0, 32), wrap.subarray(32)];
  const privateKey = createPrivateKey({ key: Buffer.concat([PKCS8, privateRaw]), format: "der", type: "pkcs8" });
  const publicKey = createPublicKey({ key: { kty: "OKP", crv: "X25519", x: enc.toString("base64url") }, format: "jwk" });
  const mine = bytes(createPublicKey(privateKey).export({ format: "jwk" }).x);
  const prk = KEM.extract(NOTHING, "eae_prk", diffieHellman({ privateKey, publicKey }));
  const shared = KEM.expand(prk, "shared_secret", Buffer.concat([enc, mine]), 32);
  const schedule = Buffer.concat([Buffer.from([0]), HPKE.extract(NOTHING, "psk_id_hash", NOTHING), HPKE.extract(NOTHING, "info_hash", info)]);
  const secret = HPKE.extract(shared, "secret", NOTHING);
  const key = HPKE.expand(secret, "key", schedule, 32);
  const opener = createDecipheriv("aes-256-gcm", key, HPKE.expand(secret, "base_nonce", schedule, 12));
  opener.setAuthTag(sealed.subarray(-16));
  return Buffer.concat([opener.update(sealed.subarray(0, -16)), opener.final()]);
}

// --- AES-256-GCM-SIV (RFC 8452) of AES blocks and POLYVAL ------------------------------------------------------------

const block = (key, data) => createCipheriv("aes-256-ecb", key, null).setAutoPadding(false).update(data);
const little = (data) => data.reduceRight((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
const FIELD = (1n << 128n) | (1n << 127n) | (1n << 126n) | (1n << 121n) | 1n;

function polyval(key, data) {
  const factor = little(key);
  let sum = 0n;
  for (let at = 0; at < data.length; at += 16) {
    const other = sum ^ little(data.subarray(at, at + 16));
    let product = 0n;
    for (let bit = 0n; bit < 128n; bit++) {
      if ((other >> bit) & 1n) product ^= factor;
      if (product & 1n) product ^= FIELD;
      product >>= 1n;
    }
    sum = product;
  }
  const out = Buffer.alloc(16);
  for (let at = 0; at < 16; at++) out[at] = Number((sum >> BigInt(8 * at)) & 255n);
  return out;
}

const filled = (data) => Buffer.concat([data, Buffer.alloc((16 - (data.length % 16)) % 16)]);

export function openGcmSiv(key, nonce, sealed, aad) {
  const derived = Buffer.concat([0, 1, 2, 3, 4, 5].map((n) => block(key, Buffer.concat([Buffer.from([n, 0, 0, 0]), nonce])).subarray(0, 8)));
  const [authKey, encKey] = [derived.subarray(0, 16), derived.subarray(16)];
  const [text, tag] = [sealed.subarray(0, -16), sealed.subarray(-16)];
  const counters = Buffer.alloc(filled(text).length);
  const first = tag.readUInt32LE(0);
  for (let at = 0; at < counters.length; at += 16) {
    tag.copy(counters, at);
    counters[at + 15] |= 0x80;
    counters.writeUInt32LE((first + at / 16) >>> 0, at);
  }
  const stream = counters.length ? block(encKey, counters) : NOTHING;
  const plain = Buffer.from(text.map((byte, at) => byte ^ stream[at]));
  const lengths = Buffer.alloc(16);
  lengths.writeBigUInt64LE(BigInt(aad.length * 8), 0);
  lengths.writeBigUInt64LE(BigInt(plain.length * 8), 8);
  const sum = polyval(authKey, Buffer.concat([filled(aad), filled(plain), lengths]));
  for (let at = 0; at < 12; at++) sum[at] ^= nonce[at];
  sum[15] &= 0x7f;
  if (!block(encKey, sum).equals(tag)) throw new Error("changed, or not for this key");
  return plain;
}

// --- all of it -------------------------------------------------------------------------------------------------------

const unpadded = (padded) => padded.subarray(0, padded.lastIndexOf(0x80)); // ISO/IEC 7816-4: 0x80, then zeros
const caseKeyOf = (document, privateRaw) => openHpke(bytes(document.wrap), privateRaw, bytes(document.info));

export function openSealed(document, privateRaw) {
  const caseKey = caseKeyOf(document, privateRaw);
  return document.parts.map((part) => {
    const key = Buffer.from(hkdfSync("sha256", caseKey, NOTHING, `pristan/part:${part.part}`, 32));
    const blob = bytes(part.ciphertext);
    const padded = openGcmSiv(key, blob.subarray(0, 12), blob.subarray(12), bytes(part.aad));
    return { part: part.part, seq: part.seq, author: part.author, content: JSON.parse(unpadded(padded).toString()) };
  });
}

/** The pages of one document as JPEG pictures. `pieces`: all its answers of …/documents/{id}/pieces/{n}, in order. */
export function openDocument(document, privateRaw, pieces) {
  const info = bytes(document.info), texts = [];
  for (let at = 0; at < info.length; at += 4 + info.readUInt32BE(at)) texts.push(info.subarray(at + 4, at + 4 + info.readUInt32BE(at)).toString());
  const [, , caseId] = texts;
  const { document: id, pages } = pieces[0];
  const key = Buffer.from(hkdfSync("sha256", caseKeyOf(document, privateRaw), NOTHING, `pristan/document:${id}`, 32));
  const found = Array.from({ length: pages }, () => []);
  for (const piece of pieces) {
    if (!piece.page) continue; // the untouched file of a signed PDF
    const parts = found[piece.page - 1];
    const aad = context("document_pieces", id, caseId, `${piece.page}/${pages}`, `${parts.length + 1}/${piece.pieces}`, "1");
    const blob = bytes(piece.ciphertext);
    parts.push(unpadded(openGcmSiv(key, blob.subarray(0, 12), blob.subarray(12), aad)));
  }
  if (found.some((parts, page) => parts.length !== pieces.find((piece) => piece.page === page + 1)?.pieces)) throw new Error("a piece is missing");
  return found.map((parts) => Buffer.concat(parts));
}

if (process.argv[1]?.endsWith("open-sealed.mjs")) {
  const given = JSON.parse(readFileSync(0, "utf8"));
  verifyHandOver(given.document, given.jwks);
  const key = bytes(given.private_key);
  const parts = openSealed(given.document, key);
  const pages = given.pieces && openDocument(given.document, key, given.pieces).map((page) => page.toString("base64url"));
  console.log(JSON.stringify(pages ? { parts, pages } : parts));
}
