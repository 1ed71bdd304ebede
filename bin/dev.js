#!/usr/bin/env -S node --import tsx
// Runs the TypeScript source as it is, through plain oclif.
const { dirname } = require('node:path')

const argv = process.argv.slice(2)

import('@oclif/core').then(({ execute }) =>
  execute({ args: argv.length === 0 ? ['menu'] : argv, development: true, dir: dirname(__dirname) }),
)
