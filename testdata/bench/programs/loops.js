const n = size || 3200;
let sum = 0, mixed = 1, turns = 0;
for (let i = 1; i <= n; i++) {
  for (let j = 1; j <= n; j++) sum = sum + (i * j) % 7 - j / 2;
  let k = i;
  while (k > 1) {
    if (k % 2 === 0) k = k / 2; else k = 3 * k + 1;
    turns++;
  }
  do {
    mixed = (mixed * 171 + i) % 30269;
    k++;
  } while (k <= 100);
}
return sum.toFixed(1) + " " + mixed + " " + turns;
