#!/usr/bin/env node
const nodeModule = require('node:module')

// Keeps compiled code between runs, where Node can (22.8 and newer).
nodeModule.enableCompileCache?.()

// Output that cannot be written: a reader that has left (`| head -1`) is nothing to speak of.
process.once('uncaughtException', (error) => {
  if (error.syscall !== 'write') {
    process.nextTick(() => {
      throw error
    })
    return
  }
  if (error.code !== 'EPIPE') {
    try {
      require('node:fs').writeSync(2, `Error: the output cannot be written: ${error.message}\n`)
    } catch {
      // Neither can this.
    }
  }
  process.exit(1)
})

require('../dist/k8sflow.cjs').main(process.argv.slice(2))
