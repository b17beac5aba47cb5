# `cpack -G TGZ|RPM|DEB` in a build folder, for systems that debian/ is not for. They hold what `cmake --install` installs and run nothing when they are
# installed; on Debian use debian/, which knows about upgrades, removal and ubuntu-fan.
set(CPACK_GENERATOR TGZ)
set(CPACK_PACKAGE_NAME fanctl)
set(CPACK_PACKAGE_VENDOR "fanctl developers")
set(CPACK_PACKAGE_CONTACT "fanctl developers <security@fanctl.example>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "fan overlay network for containers, on stock kernels")
set(CPACK_PACKAGE_DESCRIPTION
    "A fan gives every host of an IP network a block of container addresses, with no control plane: the host's own address decides the block. An eBPF "
    "program computes each packet's tunnel endpoint.")
string(REPLACE ";" "" CPACK_PACKAGE_DESCRIPTION "${CPACK_PACKAGE_DESCRIPTION}")
set(CPACK_RESOURCE_FILE_LICENSE ${PROJECT_SOURCE_DIR}/LICENSE)
set(CPACK_RESOURCE_FILE_README ${PROJECT_SOURCE_DIR}/README.md)
set(CPACK_SET_DESTDIR ON) # some folders, as those of ifupdown, are absolute
set(CPACK_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_MONOLITHIC_INSTALL ON)

set(CPACK_DEBIAN_PACKAGE_SECTION net)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS dnsmasq-base)
set(CPACK_DEBIAN_PACKAGE_CONFLICTS ubuntu-fan)
set(CPACK_DEBIAN_PACKAGE_REPLACES ubuntu-fan)

set(CPACK_RPM_PACKAGE_LICENSE "GPL-2.0-only AND (Apache-2.0 OR GPL-2.0-or-later)")
set(CPACK_RPM_PACKAGE_GROUP "System Environment/Base")
set(CPACK_RPM_PACKAGE_RELOCATABLE OFF)
set(CPACK_RPM_PACKAGE_SUGGESTS dnsmasq)
# rpm's own steps would strip the kernel's programs, which it cannot read; what is to be stripped is.
set(CPACK_RPM_SPEC_MORE_DEFINE "%global __os_install_post %{nil}\n%define _build_id_links none")
set(CPACK_RPM_PACKAGE_DESCRIPTION "${CPACK_PACKAGE_DESCRIPTION}")
set(CPACK_RPM_EXCLUDE_FROM_AUTO_FILELIST_ADDITION
    /usr/libexec /usr/sbin /usr/share /etc /etc/network /etc/network/if-up.d /etc/network/if-down.d /lib /lib/systemd /lib/systemd/system /usr/lib/systemd /usr/lib/systemd/system
    /usr/share/bash-completion /usr/share/bash-completion/completions /usr/share/zsh /usr/share/man /usr/share/man/man5 /usr/share/man/man7
    /usr/share/man/man8)
include(CPack)
