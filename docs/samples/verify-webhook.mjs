// Verifies a webhook with nothing but Node's own crypto (18 or newer); both kinds, v1 (whsec_…) and v1a (whpk_…).
import { createHmac, createPublicKey, timingSafeEqual, verify } from "node:crypto";
import { readFileSync } from "node:fs";

/** The event, or an exception. `body`: the text exactly as it came; `key`: your secret, or the endpoint's public key. */
export function verifyWebhook(headers, body, key, now = Date.now() / 1000) {
  const [id, at, given] = ["webhook-id", "webhook-timestamp", "webhook-signature"].map((name) => headers[name] ?? "");
  if (!(Math.abs(now - Number(at)) <= 300)) throw new Error("too old, or of the future");
  const signed = Buffer.from(`${id}.${at}.${body}`);
  const raw = Buffer.from(key.slice(key.indexOf("_") + 1), "base64");
  const publicKey = key.startsWith("whpk_") && createPublicKey({ key: { kty: "OKP", crv: "Ed25519", x: raw.toString("base64url") }, format: "jwk" });
  const holds = given.split(" ").some((one) => {
    const [version, text] = one.split(",");
    const signature = Buffer.from(text ?? "", "base64");
    if (publicKey) return version === "v1a" && verify(null, signed, publicKey, signature);
    const expected = createHmac("sha256", raw).update(signed).digest();
    return version === "v1" && signature.length === expected.length && timingSafeEqual(signature, expected);
  });
  if (!holds) throw new Error("not signed by the service");
  return JSON.parse(body);
}

if (process.argv[1]?.endsWith("verify-webhook.mjs")) {
  const given = JSON.parse(readFileSync(0, "utf8"));
  console.log(JSON.stringify(verifyWebhook(given.headers, given.body, given.key)));
}
