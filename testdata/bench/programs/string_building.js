const n = size || 40000;
const names = ["sword", "shield", "potion", "arrow", "lantern", "rope", "map"];
const lines = [], seen = {};
let distinct = 0;
for (let i = 1; i <= n; i++) {
  const name = names[i % names.length];
  const label = name + "-" + i % 500;
  if (!seen[label]) {
    seen[label] = true;
    distinct++;
  }
  const line = String(i).padStart(5, "0") + " " + label.padEnd(10) + " " + (i / 7).toFixed(2).padStart(6) + " " + "*".repeat(i % 5);
  lines.push(line.slice(0, 20).toUpperCase() + "|" + line.length + "|" + name.split("").reverse().join(""));
}
const text = lines.join("\n");
let sum = 0;
for (let i = 0; i < text.length; i += 3) sum = (sum * 31 + text.charCodeAt(i)) % 1000003;
const coded = [];
for (let i = 0; i < n; i++) coded.push(String.fromCharCode((text.charCodeAt(i) + 13) % 94 + 33));
const rotated = coded.join("");
let built = "";
for (let i = 0; i < Math.floor(n / 20); i++) built = built + rotated.slice(i, i + 5) + ";";
return distinct + " " + text.length + " " + sum + " " + built.length + " " + built.slice(-12);
