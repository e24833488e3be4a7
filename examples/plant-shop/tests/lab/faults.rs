use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use plant_shop::dns::{Server, Transport};
use plant_shop::lab::{Fault, LabError, Running, Service};

use crate::{Shop, programs};

const SHOP: Ipv4Addr = Ipv4Addr::new(10, 20, 0, 10);

#[test]
fn a_healthy_shop_answers_by_udp_and_tcp_from_both_servers_and_through_the_switch() {
    let shop = Shop::open();
    for (service, server) in [
        (Service::Dns(Server::Dns1), Server::Dns1),
        (Service::Dns(Server::Dns2), Server::Dns2),
        (Service::Switch, Server::Dns1),
    ] {
        for transport in [Transport::Udp, Transport::Tcp] {
            let answer = shop.lab.ask(service, "shop.internal", transport).unwrap();
            assert_eq!((answer.addresses, answer.server), (vec![SHOP], Some(server)), "{service} over {transport:?}");
        }
    }
    let host = shop.lab.query(Server::Dns2, "planthost2.shop.internal").unwrap();
    assert_eq!(host.addresses, [Ipv4Addr::new(10, 20, 0, 12)]);
    let none = shop.lab.query(Server::Dns1, "nobody.shop.internal").unwrap_err().to_string();
    assert!(none.starts_with("NXDOMAIN for nobody.shop.internal"), "{none}");
    let foreign = shop.lab.query(Server::Dns1, "example.com").unwrap_err().to_string();
    assert!(foreign.starts_with("REFUSED for example.com"), "{foreign}");
    assert!(!shop.log_of("dns1").contains("error"));
}

#[test]
fn down_is_a_closed_port() {
    let shop = Shop::open();
    assert_eq!(shop.lab.inject(Fault::Down).unwrap(), Server::Dns1);
    assert!(!shop.lab.is_running(Server::Dns1).unwrap());
    let why = shop.lab.query(Server::Dns1, "shop.internal").unwrap_err().to_string();
    assert!(why.contains("refused"), "{why}");
    assert!(shop.lab.query_as_client("shop.internal").is_err());
    shop.lab.query(Server::Dns2, "shop.internal").unwrap();

    shop.lab.start_server(Server::Dns1).unwrap();
    assert_eq!(shop.lab.query_as_client("shop.internal").unwrap().server, Some(Server::Dns1));
}

#[test]
fn stopped_is_there_and_silent_and_stops_when_it_goes_on() {
    let shop = Shop::open();
    shop.lab.inject(Fault::Stopped).unwrap();
    assert!(shop.lab.is_running(Server::Dns1).unwrap());
    let why = shop.lab.query(Server::Dns1, "shop.internal").unwrap_err().to_string();
    assert!(why.starts_with("no answer from"), "{why}");
    let reach = shop.tool("-q reachable -s dns1");
    assert_eq!((reach.code, reach.out.as_str()), (Some(1), ""));
    assert!(reach.err.starts_with("dnsTool: dns1 is not reachable: no answer at 127.0.0.1:"), "{}", reach.err);

    let told = shop.tool("-a shutdown -s dns1");
    assert_eq!(told.code, Some(1), "{told:?}");
    assert_eq!(shop.tool("-a failover -s dns2").code, Some(1));
    assert_eq!(shop.tool("-a failover -s dns2 -f").code, Some(0));
    assert_eq!(shop.lab.query_as_client("shop.internal").unwrap().server, Some(Server::Dns2));

    // Told to stop while it could not hear: it does, as soon as it can.
    let process = Running::look(shop.lab.site(), Service::Dns(Server::Dns1)).unwrap().unwrap();
    shop.lab.go_on(Server::Dns1).unwrap();
    assert!(process.wait_gone(Duration::from_secs(10)).unwrap());
    assert!(!shop.lab.is_running(Server::Dns1).unwrap());
}

#[test]
fn broken_is_reachable_answers_servfail_and_says_why_in_its_log() {
    let shop = Shop::open();
    shop.lab.inject(Fault::Broken).unwrap();
    for transport in [Transport::Udp, Transport::Tcp] {
        let why = shop.lab.ask(Service::Dns(Server::Dns1), "shop.internal", transport).unwrap_err().to_string();
        assert!(why.starts_with("SERVFAIL for shop.internal"), "{why}");
    }
    assert_eq!(shop.tool("-q reachable -s dns1").code, Some(0));
    let log = shop.log_of("dns1");
    let line = log.lines().find(|line| line.contains("Unexpected Error encountered")).unwrap();
    assert!(line.contains("dns1 error") && line.contains("zones/dns1.zone cannot be loaded"), "{line}");
    assert!(!shop.log_of("dns2").contains("Unexpected Error"));
}

#[test]
fn recovers_is_broken_until_the_zone_sync_has_run() {
    let shop = Shop::open();
    let before = Instant::now();
    shop.lab.inject(Fault::Recovers { after: Duration::from_secs(2) }).unwrap();
    let deadline = before + Duration::from_secs(30);
    let mut failures = 0;
    while let Err(why) = shop.lab.query(Server::Dns1, "shop.internal") {
        assert!(why.to_string().starts_with("SERVFAIL"), "{why}");
        assert!(Instant::now() < deadline, "it never recovered");
        failures += 1;
    }
    assert!(before.elapsed() >= Duration::from_secs(2), "it recovered before the sync was due");
    assert!(failures > 0);
    // The zone is there a moment before the job says so.
    while !shop.log_of("zone-sync-dns1").contains("wrote the zone of dns1") {
        assert!(Instant::now() < deadline, "the zone sync never said that it wrote");
    }
    // The lock was given back with the job's end: the server can stop.
    assert_eq!(shop.tool("-a shutdown -s dns1").code, Some(0));
}

#[test]
fn stuck_cannot_be_shut_down_and_only_force_fails_over() {
    let shop = Shop::open();
    shop.lab.inject(Fault::Stuck).unwrap();
    assert_eq!(shop.tool("-q reachable -s dns1").code, Some(0));

    let asked = Instant::now();
    let told = shop.tool("-a shutdown -s dns1");
    assert_eq!((told.code, told.out.as_str()), (Some(1), ""));
    assert!(told.err.contains("dns1 is still running") && told.err.contains("log/dns1.log"), "{}", told.err);
    assert!(asked.elapsed() < Duration::from_secs(15), "it took {:?}", asked.elapsed());
    assert!(shop.lab.is_running(Server::Dns1).unwrap());
    assert!(shop.log_of("dns1").contains("waiting for the zone sync to be done"));

    let refused = shop.tool("-a failover -s dns2");
    assert_eq!(refused.code, Some(1));
    assert!(refused.err.contains("dns1 is still running") && refused.err.contains("-f"), "{}", refused.err);
    assert_eq!(shop.lab.active().unwrap(), Server::Dns1);

    let forced = shop.tool("-a failover -s dns2 -f");
    assert_eq!((forced.code, forced.err.as_str()), (Some(0), ""));
    assert!(forced.out.contains("dns1 is fenced"), "{}", forced.out);
    assert_eq!(shop.lab.query_as_client("shop.internal").unwrap().server, Some(Server::Dns2));
    assert!(shop.lab.is_running(Server::Dns1).unwrap());

    // The job that hangs ends, and with it what the server waited for.
    let process = Running::look(shop.lab.site(), Service::Dns(Server::Dns1)).unwrap().unwrap();
    shop.lab.kill(Service::ZoneSync(Server::Dns1)).unwrap();
    assert!(process.wait_gone(Duration::from_secs(10)).unwrap());
}

#[test]
fn a_fault_strikes_the_server_that_is_active() {
    let shop = Shop::open();
    assert_eq!(shop.tool("-a failover -s dns2 -f").code, Some(0));
    assert_eq!(shop.lab.inject(Fault::Broken).unwrap(), Server::Dns2);
    shop.lab.query(Server::Dns1, "shop.internal").unwrap();
}

#[test]
fn one_folder_is_one_lab_and_what_is_no_lab_is_left_alone() {
    let shop = Shop::open();
    let second = plant_shop::lab::Lab::start_with(shop.lab.dir(), programs());
    assert!(matches!(second, Err(LabError::Taken { .. })));

    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("thesis.txt");
    std::fs::write(&file, "ten years").unwrap();
    let refused = plant_shop::lab::Lab::start_with(dir.path(), programs());
    assert!(refused.is_err_and(|e| e.to_string().contains("is not empty")));
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "ten years");
}

#[test]
fn a_switch_that_is_started_again_keeps_to_the_active_server() {
    let shop = Shop::open();
    shop.tool("-a failover -s dns2 -f");
    shop.lab.kill(Service::Switch).unwrap();
    assert!(shop.lab.active().is_err());
    shop.lab.start_switch().unwrap();
    assert_eq!(shop.lab.active().unwrap(), Server::Dns2);
    assert_eq!(shop.lab.query_as_client("shop.internal").unwrap().server, Some(Server::Dns2));
}

#[test]
fn a_test_of_another_package_needs_no_program_built_for_it() {
    let dir = tempfile::tempdir().unwrap();
    let lab = plant_shop::lab::Lab::start(dir.path()).unwrap();
    assert_eq!(lab.active().unwrap(), Server::Dns1);
}
