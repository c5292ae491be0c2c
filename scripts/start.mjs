/** `npm start`: the `serve` command with the arguments after `--`. */
process.argv.splice(2, 0, 'serve');
await import('./spyglass.mjs');
