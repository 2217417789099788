import { describeFullDisk, describeKills, describeProcesses } from "../support/embedded-trouble.ts";

describeProcesses("file");
describeKills("file", 8);
describeFullDisk("file", true);
