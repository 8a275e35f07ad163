// Hands the answer to the window of the application that opened this one, or that frames it. The browser delivers it
// to that origin only.
"use strict";
var told = document.getElementById("web-message");
var waiting = window.parent !== window ? window.parent : window.opener;
if (told && waiting) {
  waiting.postMessage(
    { type: "authorization_response", response: JSON.parse(told.dataset.response) },
    told.dataset.origin
  );
}
