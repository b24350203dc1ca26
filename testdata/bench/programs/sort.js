const n = size || 200000;
let seed = 7;
function random(limit) {
  seed = (seed * 3877 + 29573) % 139968;
  return seed % limit;
}
const ascending = (a, b) => a - b;
const numbers = [], runs = [], words = [];
for (let i = 1; i <= n; i++) {
  numbers.push(random(139968) + i / n);
  runs.push(i % 1000);
}
for (let i = 1; i <= n / 4; i++) {
  const letter = String.fromCharCode(97 + random(26));
  words.push(letter + String(random(100000)).padStart(6, "0"));
}
numbers.sort(ascending);
runs.sort(ascending);
words.sort();
let sum = 0;
for (let i = 0; i < n; i += 97) sum = (sum * 31 + Math.floor(numbers[i]) + runs[i]) % 1000003;
return sum + " " + numbers[n - 1].toFixed(6) + " " + words[0] + " " + words[words.length - 1];
