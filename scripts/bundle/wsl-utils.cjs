// oclif asks at every start whether this is WSL; wsl-utils loads node:child_process to answer other questions too.
exports.isWsl = require('is-wsl').default
exports.powerShellPath = async () => require('wsl-utils').powerShellPath()
