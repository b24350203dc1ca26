const n = size || 400000;
function counter() {
  let count = 0;
  return [(by) => { count = count + by; return count; }, () => count];
}
function compose(f, g) {
  return (...args) => f(g(...args));
}
function map(list, f) {
  const result = [];
  for (let i = 0; i < list.length; i++) result[i] = f(list[i]);
  return result;
}
function fold(list, f, value) {
  for (let i = 0; i < list.length; i++) value = f(value, list[i]);
  return value;
}
const list = [1, 2, 3, 4, 5, 6, 7, 8];
const [add, get] = counter();
let total = 0;
for (let i = 1; i <= n; i++) {
  const inc = (x) => x + i;
  const twice = compose(inc, inc);
  total = (total + twice(i)) % 1000003;
  add(i % 10);
  if (i % 8 === 0) total = total + fold(map(list, inc), (a, b) => a + b, 0) % 1000;
  if (i % 3 === 0) {
    const [tick, read] = counter();
    tick(2);
    total = total + read();
  }
}
return total + " " + get();
