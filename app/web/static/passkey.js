// Passkeys on the pages that have them. Without this script the pages work with one-time codes.
(function () {
  "use strict";
  if (!window.PublicKeyCredential || !navigator.credentials) return;

  function bytes(text) {
    var plain = atob(text.replace(/-/g, "+").replace(/_/g, "/"));
    return Uint8Array.from(plain, function (character) { return character.charCodeAt(0); });
  }

  function text(buffer) {
    var plain = String.fromCharCode.apply(null, new Uint8Array(buffer));
    return btoa(plain).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
  }

  function question(button) {
    var asked = JSON.parse(button.dataset.question);
    asked.challenge = bytes(asked.challenge);
    if (asked.user) asked.user.id = bytes(asked.user.id);
    (asked.excludeCredentials || []).forEach(function (known) { known.id = bytes(known.id); });
    return { publicKey: asked };
  }

  function answer(credential) {
    var response = credential.response;
    var told = { clientDataJSON: text(response.clientDataJSON) };
    ["attestationObject", "authenticatorData", "signature", "userHandle"].forEach(function (name) {
      if (response[name]) told[name] = text(response[name]);
    });
    return JSON.stringify({
      id: credential.id, rawId: text(credential.rawId), type: credential.type, response: told,
      clientExtensionResults: {}
    });
  }

  function start(button) {
    var form = button.form;
    var failed = form.querySelector("[data-passkey-failed]");
    var code = form.elements.code;
    button.hidden = false;
    button.addEventListener("click", function () {
      failed.hidden = true;
      if (code) code.required = false;
      var complete = form.reportValidity();
      if (code) code.required = true;
      if (!complete) return;
      var asked = question(button);
      var made = button.dataset.passkey === "make"
        ? navigator.credentials.create(asked) : navigator.credentials.get(asked);
      made.then(function (credential) {
        form.elements.passkey.value = answer(credential);
        form.submit();
      }).catch(function () { failed.hidden = false; });
    });
  }

  document.querySelectorAll("button[data-passkey]").forEach(start);
})();
