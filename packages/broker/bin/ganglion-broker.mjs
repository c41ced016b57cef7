#!/usr/bin/env node
import { main } from "../dist/bin/ganglion-broker.js";

await main(process.argv);
