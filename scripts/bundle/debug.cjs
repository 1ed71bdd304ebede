// debug says nothing unless DEBUG is set, but loads node:tty, node:net and a colour detection to do so.
const silent = () => Object.assign(() => undefined, { enabled: false, extend: silent })

module.exports = process.env.DEBUG ? require('debug') : silent
