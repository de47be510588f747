// Python source in colours: strings, comments, keywords, names that are defined. No more than a reader needs.

import { make } from "./dom.js";

const KEYWORDS = new Set(
  (
    "and as assert async await break class continue def del elif else except finally for from global if import in is " +
    "lambda match nonlocal not or pass raise return try while with yield None True False self"
  ).split(" "),
);
const TOKEN =
  /(#.*)|([rbfu]{0,2}(?:"""|'''))|([rbfu]{0,2}"(?:\\.|[^"\\])*"|[rbfu]{0,2}'(?:\\.|[^'\\])*')|(@[\w.]+)|(\w+)/gi;

/** The lines of a source, each a list of [class or "", text]. */
export function painted(source) {
  let quotes = ""; // of the string that goes on over lines
  return source.split("\n").map((line) => {
    const parts = [];
    let [place, defines] = [0, false];
    const add = (kind, text) => void (text && parts.push([kind, text]));
    while (place < line.length) {
      if (quotes) {
        const end = line.indexOf(quotes, place);
        const until = end < 0 ? line.length : end + 3;
        add("str", line.slice(place, until));
        if (end >= 0) quotes = "";
        place = until;
        continue;
      }
      TOKEN.lastIndex = place;
      const match = TOKEN.exec(line);
      if (!match) break;
      add("", line.slice(place, match.index));
      const [text, comment, opening, string, decorator, word] = match;
      place = match.index + text.length;
      if (opening) quotes = opening.slice(-3);
      if (comment || decorator) add(comment ? "com" : "dec", text);
      else if (opening || string) add("str", text);
      else add(KEYWORDS.has(word) ? "key" : defines ? "def" : "", text);
      defines = word === "def" || word === "class";
    }
    add("", line.slice(place));
    return parts;
  });
}

/** The parts of a line as elements. */
export function spans(parts) {
  return parts.map(([kind, text]) => (kind ? make("span", { class: `py-${kind}` }, text) : text));
}
