-- Loops without a loop: goto, and recursion through the string library.
do local n = 0 ::again:: n = n + 1 goto again end --# instructions
