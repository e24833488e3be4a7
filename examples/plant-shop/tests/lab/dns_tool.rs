use plant_shop::dns::Server;
use plant_shop::lab::{Fault, Service};

use crate::{Said, Shop};

fn ok(out: &str) -> Said {
    Said { code: Some(0), out: out.to_owned(), err: String::new() }
}

#[test]
fn a_whole_failover_and_back() {
    let shop = Shop::open();
    assert_eq!(shop.tool("-q active_server"), ok("dns1"));
    assert_eq!(shop.tool("-q lookup -s dns2 shop.internal"), ok("10.20.0.10"));
    assert_eq!(shop.tool("-q lookup planthost1.shop.internal"), ok("10.20.0.11"));

    let refused = shop.tool("-a failover -s dns2");
    assert_eq!((refused.code, refused.out.as_str()), (Some(1), ""));
    assert!(
        refused.err.starts_with("dnsTool: nothing was switched: dns1 is still running (process "),
        "{}",
        refused.err
    );

    let stopped = shop.tool("-a shutdown -s dns1");
    assert!(stopped.code == Some(0) && stopped.out.starts_with("dns1 is stopped (it was process "), "{stopped:?}");
    assert!(!shop.lab.is_running(Server::Dns1).unwrap());
    assert_eq!(shop.tool("-a shutdown -s dns1"), ok("dns1 was not running"));
    assert!(shop.log_of("dns1").trim_end().ends_with("stopped"));

    assert_eq!(shop.tool("-a failover -s dns2"), ok("dns2 is active, dns1 is not"));
    assert_eq!(shop.tool("-a failover -s dns2"), ok("dns2 is active already"));
    assert_eq!(shop.tool("-q active_server"), ok("dns2"));
    assert_eq!(shop.lab.query_as_client("shop.internal").unwrap().server, Some(Server::Dns2));

    shop.lab.start_server(Server::Dns1).unwrap();
    assert_eq!(
        shop.tool("-a failover -s dns1 -f"),
        ok("dns1 is active; dns2 is fenced: no client reaches it through the switch")
    );
    assert_eq!(shop.lab.query_as_client("shop.internal").unwrap().server, Some(Server::Dns1));
}

#[test]
fn nothing_fails_over_to_a_dead_server_not_even_by_force() {
    let shop = Shop::open();
    shop.lab.inject_into(Server::Dns2, Fault::Down).unwrap();
    shop.tool("-a shutdown -s dns1");
    for forced in ["", " -f"] {
        let said = shop.tool(&format!("-a failover -s dns2{forced}"));
        assert_eq!(said.code, Some(1));
        assert!(said.err.starts_with("dnsTool: dns2 is not reachable: nothing listens at 127.0.0.1:"), "{}", said.err);
    }
    assert_eq!(shop.tool("-q active_server"), ok("dns1"));
}

#[test]
fn lookups_say_why_there_is_no_address() {
    let shop = Shop::open();
    shop.lab.inject_into(Server::Dns2, Fault::Broken).unwrap();
    let broken = shop.tool("-q lookup -s dns2 shop.internal");
    assert_eq!((broken.code, broken.out.as_str()), (Some(1), ""));
    assert!(
        broken.err.starts_with("dnsTool: dns2 does not resolve it: SERVFAIL for shop.internal from"),
        "{}",
        broken.err
    );

    let missing = shop.tool("-q lookup -s dns1 rose.shop.internal");
    assert_eq!(missing.code, Some(1));
    assert!(missing.err.contains("NXDOMAIN for rose.shop.internal"), "{}", missing.err);

    shop.lab.inject_into(Server::Dns1, Fault::Down).unwrap();
    let down = shop.tool("-q lookup -s dns1 shop.internal");
    assert_eq!(down.code, Some(1));
    assert!(down.err.contains("refused"), "{}", down.err);
}

#[test]
fn without_the_switch_nobody_is_active() {
    let shop = Shop::open();
    shop.lab.kill(Service::Switch).unwrap();
    let said = shop.tool("-q active_server");
    assert_eq!((said.code, said.out.as_str()), (Some(1), ""));
    assert!(said.err.starts_with("dnsTool: switch is not reachable"), "{}", said.err);
}

#[test]
fn a_wrong_command_line_is_two_and_says_what_is_right() {
    let shop = Shop::open();
    for (line, hint) in [
        ("-q nothing", "active_server"),
        ("-q reachable", "-s dns1 or -s dns2"),
        ("-a shutdown", "-s dns1 or -s dns2"),
        ("-a shutdown -s dns3", "dns1, dns2"),
        ("-a shutdown -s dns1 -f", "-a failover"),
        ("-q lookup -s dns1", "NAME"),
        ("-q reachable -s dns1 shop.internal", "NAME"),
        ("-s dns1", "--query"),
    ] {
        let said = shop.tool(line);
        assert_eq!((said.code, said.out.as_str()), (Some(2), ""), "{line}");
        assert!(said.err.contains(hint), "{line}: {}", said.err);
    }
    let help = shop.tool("--help");
    assert_eq!(help.code, Some(0));
    for word in ["Usage: dnsTool", "active_server", "shutdown", "--force"] {
        assert!(help.out.contains(word), "{}", help.out);
    }
}
