const n = size || 70000;
let seed = 11;
function random(limit) {
  seed = (seed * 3877 + 29573) % 139968;
  return seed % limit;
}
const records = [], numbers = [];
for (let i = 1; i <= n; i++) {
  records.push({score: random(500), id: i});
  numbers.push(random(139968));
}
records.sort((a, b) => (a.score !== b.score ? b.score - a.score : a.id - b.id));
numbers.sort((a, b) => b - a);
let sum = 0;
for (let i = 0; i < n; i++) sum = (sum * 31 + records[i].id + numbers[i]) % 1000003;
return sum + " " + records[0].score + " " + numbers[0];
