// Works out the test vectors of docs/crypto.md anew, with nothing but Node's own crypto, and says which do not agree.
//
//   node check-vectors.mjs < tests/data/crypto-vectors.json        prints [] when all agree
import { createHash, createHmac, createPrivateKey, createPublicKey, hkdfSync } from "node:crypto";
import { readFileSync } from "node:fs";
import { openGcmSiv, openHpke } from "./open-sealed.mjs";

const hex = (text) => Buffer.from(text, "hex");
const size = (value, length) => { const out = Buffer.alloc(length); out.writeUIntBE(value, length - 6 > 0 ? length - 6 : 0, Math.min(length, 6)); return out; };
const context = (texts) => Buffer.concat(texts.flatMap((text) => [size(Buffer.byteLength(text), 4), Buffer.from(text)]));
const derive = (key, purpose, salt = "") => Buffer.from(hkdfSync("sha256", key, hex(salt), purpose, 32));
const unpadded = (data) => data.subarray(0, data.lastIndexOf(0x80));
const x25519Public = (raw) => {
  const key = createPrivateKey({ key: Buffer.concat([hex("302e020100300506032b656e04220420"), raw]), format: "der", type: "pkcs8" });
  return Buffer.from(createPublicKey(key).export({ format: "jwk" }).x, "base64url");
};
const mac = (root, purpose, data) => {
  const hmac = createHmac("sha256", derive(root, `mac:${purpose}`));
  for (const datum of data) hmac.update(size(datum.length, 8)).update(datum);
  return hmac.digest();
};
const padded = (data) => {
  let whole = 256;
  while (whole < data.length + 1) whole *= 2;
  return Buffer.concat([data, hex("80"), Buffer.alloc(whole - data.length - 1)]);
};

const CHECKS = {
  context: (v) => context(v.parts),
  derive: (v) => derive(hex(v.key), v.purpose, v.salt),
  mac: (v) => mac(hex(v.root), v.purpose, v.data.map(hex)),
  pad: (v) => padded(hex(v.plain)),
  xwing_seed: (v) => {
    const expanded = createHash("shake256", { outputLength: 96 }).update(hex(v.seed)).digest();
    return Buffer.concat([expanded.subarray(0, 64), x25519Public(expanded.subarray(64))]);
  },
  epoch_envelope: (v) => {
    const envelope = hex(v.envelope);
    const epoch = envelope.subarray(0, v.epoch_bytes);
    const blob = envelope.subarray(v.epoch_bytes);
    return openGcmSiv(hex(v.key), blob.subarray(0, 12), blob.subarray(12), Buffer.concat([epoch, context(v.binding)]));
  },
  deterministic_envelope: (v) => {
    const envelope = hex(v.envelope);
    const epoch = envelope.subarray(0, v.epoch_bytes);
    const key = derive(hex(v.key), "pristan/same");
    return openGcmSiv(key, Buffer.alloc(12), envelope.subarray(v.epoch_bytes), Buffer.concat([epoch, context(v.binding)]));
  },
  sealed_part: (v) => {
    const blob = hex(v.ciphertext);
    const key = derive(hex(v.case_key), `pristan/part:${v.part}`);
    const aad = context(["sealed_parts", v.part_id, `${v.case_id}:${v.part}`, String(v.version)]);
    return unpadded(openGcmSiv(key, blob.subarray(0, 12), blob.subarray(12), aad));
  },
  x25519_wrap: (v) =>
    openHpke(hex(v.sealed), hex(v.private_key), context(["pristan/case-key", v.purpose, v.case_id, v.kind, v.owner_id, String(v.version)])),
};

const given = JSON.parse(readFileSync(0, "utf8"));
const wrong = given.vectors.filter((v) => !CHECKS[v.what] || !CHECKS[v.what](v).equals(hex(v.result))).map((v) => v.what);
console.log(JSON.stringify(wrong));
