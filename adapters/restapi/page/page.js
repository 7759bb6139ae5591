"use strict";

// Draws the OpenAPI document. Everything from the document becomes text nodes,
// never markup.

function element(name, className, ...children) {
  const e = document.createElement(name);
  if (className) e.className = className;
  e.append(...children);
  return e;
}

function resolve(doc, schema) {
  for (let hops = 0; schema && schema.$ref && hops < 10; hops++) {
    schema = doc.components.schemas[schema.$ref.split("/").pop()];
  }
  return schema || {};
}

function typeOf(doc, schema) {
  const s = resolve(doc, schema);
  const alternatives = s.oneOf || s.anyOf;
  if (alternatives) return alternatives.map((a) => typeOf(doc, a)).join(" or ");
  const types = [].concat(s.type || "any").filter((t) => t !== "null");
  if (types.includes("array")) return "list of " + typeOf(doc, s.items || {});
  if (types.includes("object") && s.additionalProperties && typeof s.additionalProperties === "object") {
    return "map of " + typeOf(doc, s.additionalProperties);
  }
  const text = types.join(" or ");
  const detail = s.contentEncoding || s.format;
  return (detail ? text + " (" + detail + ")" : text) + (s.enum ? ": " + s.enum.join(", ") : "");
}

// rows lists the fields of a schema, nested ones with a dotted name.
function rows(doc, schema, prefix, depth, table) {
  const s = resolve(doc, schema);
  const inner = s.items || (typeof s.additionalProperties === "object" && s.additionalProperties);
  if (inner && depth < 6) return rows(doc, inner, prefix.replace(/\.$/, "") + (s.items ? "[]." : "{}."), depth + 1, table);
  for (const alternative of s.oneOf || s.anyOf || []) rows(doc, alternative, prefix, depth + 1, table);
  for (const [name, field] of Object.entries(s.properties || {})) {
    if (name === "$schema") continue;
    const required = (s.required || []).includes(name) ? "" : "optional";
    const f = resolve(doc, field);
    table.append(element("tr", "", element("td", "", prefix + name), element("td", "", typeOf(doc, field)),
      element("td", "quiet", [required, field.description || f.description].filter(Boolean).join(" · "))));
    if (depth < 5) rows(doc, f, prefix + name + ".", depth + 1, table);
  }
}

function body(doc, title, content) {
  const parts = [];
  for (const [type, media] of Object.entries(content || {})) {
    const table = element("table");
    rows(doc, media.schema, "", 0, table);
    parts.push(element("h3", "", title + ", " + type + ": " + typeOf(doc, media.schema)), table);
  }
  return parts;
}

function call(doc, method, path, op) {
  const inside = element("div", "inside");
  if (op.parameters && op.parameters.length) {
    const table = element("table");
    for (const p of op.parameters) {
      table.append(element("tr", "", element("td", "", p.name), element("td", "", p.in),
        element("td", "quiet", [typeOf(doc, p.schema || {}), p.description].filter(Boolean).join(" · "))));
    }
    inside.append(element("h3", "", "Parameters"), table);
  }
  inside.append(element("p", "quiet", op.security ? "Needs an API key, a password or a session." : "Open to anybody."));
  if (op.requestBody) inside.append(...body(doc, "Request", op.requestBody.content));
  for (const [status, reply] of Object.entries(op.responses || {})) {
    if (status === "default") continue;
    const drawn = body(doc, status, reply.content);
    inside.append(...(drawn.length ? drawn : [element("h3", "", status + ", no body")]));
  }
  const summary = element("summary", "", element("span", "method", method.toUpperCase()),
    element("span", "path", path), element("span", "what", op.summary || ""));
  return element("details", "", summary, inside);
}

function draw(doc) {
  document.getElementById("about").textContent = doc.info.description + " Version " + doc.info.version + ".";
  const byTag = new Map();
  for (const [path, item] of Object.entries(doc.paths)) {
    for (const method of ["get", "post", "put", "patch", "delete"]) {
      if (!item[method]) continue;
      const tag = (item[method].tags || ["Other"])[0];
      if (!byTag.has(tag)) byTag.set(tag, []);
      byTag.get(tag).push(call(doc, method, path, item[method]));
    }
  }
  const main = document.getElementById("calls");
  main.replaceChildren();
  for (const tag of [...byTag.keys()].sort()) main.append(element("section", "", element("h2", "", tag), ...byTag.get(tag)));
}

function find(text) {
  for (const d of document.querySelectorAll("details")) {
    d.hidden = !d.firstElementChild.textContent.toLowerCase().includes(text.toLowerCase());
  }
}

fetch("/openapi.json").then((r) => r.json()).then((doc) => {
  draw(doc);
  document.getElementById("find").addEventListener("input", (e) => find(e.target.value));
}).catch(() => {
  document.getElementById("calls").textContent = "The OpenAPI document could not be read.";
});
