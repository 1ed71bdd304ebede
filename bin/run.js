#!/usr/bin/env node
const nodeModule = require('node:module')

// Keeps compiled code between runs, where Node can (22.8 and newer).
nodeModule.enableCompileCache?.()

require('../dist/k8sflow.cjs').main(process.argv.slice(2))
