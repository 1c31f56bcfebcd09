import { describeRows } from "./rows.js"
import * as Services from "./services.js"

describeRows("nginx", Services.nginx)
