const n = size || 330;
function element(i, j) {
  const ij = i + j - 1;
  return 1 / (ij * (ij - 1) * 0.5 + i);
}
function times(x, y) {
  for (let i = 1; i <= n; i++) {
    let sum = 0;
    for (let j = 1; j <= n; j++) sum = sum + x[j - 1] * element(i, j);
    y[i - 1] = sum;
  }
}
function transposedTimes(x, y) {
  for (let i = 1; i <= n; i++) {
    let sum = 0;
    for (let j = 1; j <= n; j++) sum = sum + x[j - 1] * element(j, i);
    y[i - 1] = sum;
  }
}
const u = [], v = [], t = [];
for (let i = 0; i < n; i++) u[i] = 1;
for (let i = 0; i < 10; i++) {
  times(u, t);
  transposedTimes(t, v);
  times(v, t);
  transposedTimes(t, u);
}
let uv = 0, vv = 0;
for (let i = 0; i < n; i++) {
  uv = uv + u[i] * v[i];
  vv = vv + v[i] * v[i];
}
return Math.sqrt(uv / vv).toFixed(9);
