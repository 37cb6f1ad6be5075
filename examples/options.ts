/**
 * Options and descriptors: what a socket is asked and told besides its bytes.
 *
 *     deno run --allow-net=127.0.0.1 examples/options.ts [host] [port]
 *
 * @module
 */
