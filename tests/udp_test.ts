/**
 * Datagrams over IP. The suite runs this file twice, with `--unstable-net` and
 * without: then the same cases pass on the runtime's stable datagram API.
 *
 * @module
 */

import "./udp/binding.ts";
import "./udp/errors.ts";
import "./udp/giving_up.ts";
import "./udp/options.ts";
import "./udp/order.ts";
import "./udp/peers.ts";
import "./udp/python.ts";
import "./udp/receiving.ts";
