/** `npm start`: the `serve` command with whatever arguments follow the `--`. */
process.argv.splice(2, 0, 'serve');
await import('./spyglass.mjs');
