import { expect, test } from "bun:test";
import { hostOfConnection, limitedAs } from "../../src/base/host.ts";

test("hostOfConnection reads what gRPC and sockets write, IPv6 without brackets too", () => {
  const hosts: Record<string, string> = {
    "10.0.0.1:5001": "10.0.0.1",
    "ipv4:10.0.0.1:5001": "10.0.0.1",
    "::ffff:10.0.0.1:5001": "10.0.0.1",
    "[2001:db8::7]:5001": "2001:db8::7",
    "2001:db8::7:5001": "2001:db8::7",
    "::1:61234": "::1",
    "ipv6:[::1]:61234": "::1",
    "node.example.org:5001": "node.example.org",
    unknown: "unknown",
  };
  for (const [peer, host] of Object.entries(hosts)) expect(hostOfConnection(peer)).toBe(host);
});

test("limitedAs gives one share to all addresses of an IPv6 customer", () => {
  const of = (peer: string) => limitedAs(hostOfConnection(peer));
  expect(of("2001:db8:1:2:3::4:5001")).toBe(of("[2001:db8:1:2:ffff::9]:77"));
  expect(of("2001:db8:1:3::4:5001")).not.toBe(of("2001:db8:1:2::4:5001"));
  expect(of("10.0.0.1:1")).not.toBe(of("10.0.0.2:1"));
});
