// oclif asks at every start whether this is WSL; wsl-utils loads node:child_process to answer other questions too.
const { existsSync } = require('node:fs')
const { release } = require('node:os')

/** Whether any sign of WSL that is-wsl looks for is there: only then is it worth loading. */
const perhaps =
  release().toLowerCase().includes('microsoft') ||
  existsSync('/proc/sys/fs/binfmt_misc/WSLInterop') ||
  existsSync('/run/WSL')

exports.isWsl = perhaps && require('is-wsl').default
exports.powerShellPath = async () => require('wsl-utils').powerShellPath()
