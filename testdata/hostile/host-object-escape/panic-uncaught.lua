-- The same, caught by nobody.
world.boom() --! host error
