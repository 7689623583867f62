// Loaded into the server with --import: when the process that started it is gone, whatever ended that process, the
// server stops as it does on SIGTERM.
if (process.connected) {
  process.on('disconnect', () => process.kill(process.pid, 'SIGTERM'))
  process.channel.unref()
}
