250 eth0 dhcp
