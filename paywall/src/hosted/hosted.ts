/** The script of the gateway's own pages: makes the page that the server has rendered sell with the payment sheet. */

import { HostedPage } from "./page.js";

customElements.define("tuppence-page", HostedPage);
