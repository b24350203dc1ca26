const n = size || 150000;
let seed = 42;
function random() {
  seed = (seed * 3877 + 29573) % 139968;
  return seed / 139968;
}
function heapsort(list, count) {
  let parent = Math.floor(count / 2) + 1, last = count;
  for (;;) {
    let moving;
    if (parent > 1) {
      parent--;
      moving = list[parent];
    } else {
      moving = list[last];
      list[last] = list[1];
      last--;
      if (last === 1) {
        list[1] = moving;
        return;
      }
    }
    let hole = parent, child = parent * 2;
    while (child <= last) {
      if (child < last && list[child] < list[child + 1]) child++;
      if (moving >= list[child]) break;
      list[hole] = list[child];
      hole = child;
      child = child * 2;
    }
    list[hole] = moving;
  }
}
const list = [0];
for (let i = 1; i <= n; i++) list[i] = random();
heapsort(list, n);
for (let i = 2; i <= n; i++) if (list[i - 1] > list[i]) throw new Error("not sorted");
return list[1].toFixed(9) + " " + list[Math.floor(n / 2)].toFixed(9) + " " + list[n].toFixed(9);
