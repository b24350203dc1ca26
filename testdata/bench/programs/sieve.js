const n = size || 50;
const top = 40000;
let count = 0;
for (let round = 0; round < n; round++) {
  const composite = [];
  for (let i = 0; i <= top; i++) composite[i] = false;
  count = 0;
  for (let i = 2; i <= top; i++) {
    if (!composite[i]) {
      count++;
      for (let j = i + i; j <= top; j += i) composite[j] = true;
    }
  }
}
return String(count);
