"use strict";
(function () {
  var block = document.getElementById("answers");
  var stored = JSON.parse(block.textContent);
  var articles = Array.prototype.slice.call(document.querySelectorAll("article"));
  var saved = true;
  function read(article) {
    var forms = Array.prototype.map.call(article.querySelectorAll("textarea"), function (field) { return field.value; });
    return {
      was: article.dataset.was,
      right: article.querySelector("[name=right]").checked,
      forms: forms,
      note: article.querySelector("[name=note]").value
    };
  }
  function said(answer) {
    return answer.right || answer.note !== "" || answer.forms.some(function (form) { return form !== ""; });
  }
  function collect() {
    var answers = {};
    articles.forEach(function (article) {
      var answer = read(article);
      if (said(answer)) { answers[article.dataset.key] = answer; }
    });
    return answers;
  }
  function count() {
    document.getElementById("count").textContent = Object.keys(collect()).length + " of " + articles.length + " answered" + (saved ? "" : ", not saved yet");
  }
  articles.forEach(function (article) {
    var answer = stored.answers[article.dataset.key];
    if (!answer) { return; }
    article.querySelector("[name=right]").checked = answer.right;
    article.querySelector("[name=note]").value = answer.note;
    Array.prototype.forEach.call(article.querySelectorAll("textarea"), function (field, place) { field.value = answer.forms[place] || ""; });
  });
  Array.prototype.forEach.call(document.querySelectorAll(".script"), function (part) { part.hidden = false; });
  document.addEventListener("input", function () { saved = false; count(); });
  document.getElementById("save").addEventListener("click", function () {
    stored.answers = collect();
    block.textContent = JSON.stringify(stored).replace(/[<]/g, "\\u003c");
    Array.prototype.forEach.call(document.querySelectorAll(".script"), function (part) { part.hidden = true; });
    var page = "<!doctype html>\n" + document.documentElement.outerHTML;
    Array.prototype.forEach.call(document.querySelectorAll(".script"), function (part) { part.hidden = false; });
    var link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([page], { type: "text/html" }));
    link.download = "pristan-review-" + stored.language + ".html";
    link.click();
    setTimeout(function () { URL.revokeObjectURL(link.href); }, 60000);
    saved = true;
    count();
  });
  window.addEventListener("beforeunload", function (event) { if (!saved) { event.preventDefault(); } });
  count();
}());
