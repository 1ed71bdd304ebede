#!/usr/bin/env -S node --import tsx
// Runs the TypeScript source as it is; flags and commands are those of oclif.manifest.json, which `npm run build` makes.
import('../src/main.ts').then(({ main }) => main(process.argv.slice(2)))
