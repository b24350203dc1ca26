const n = size || 15;
function grow(depth) {
  if (depth === 0) return [];
  return [grow(depth - 1), grow(depth - 1)];
}
function count(tree) {
  if (tree.length > 0) return 1 + count(tree[0]) + count(tree[1]);
  return 1;
}
const lasting = grow(n);
let total = 0;
for (let depth = 4; depth <= n; depth += 4) {
  for (let i = 0; i < 2 ** (n - depth) * 4; i++) total = total + count(grow(depth));
}
return total + " " + count(lasting);
