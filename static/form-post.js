// Sends the page's form at once; without scripts its button does. Called through the prototype,
// because a field named "submit" would hide the form's own method.
"use strict";
var form = document.getElementById("form-post");
if (form) {
  HTMLFormElement.prototype.submit.call(form);
}
