@P3
Feature: Permissions never flow back from the HSM
  A permission that somebody has removed stays removed. Whoever can change the
  HSM key cannot thereby widen what applications may do.

  Background:
    Given the HSM holds the AES key "payroll"

  Scenario: A permission that only the virtual key has lost stays lost
    Given the HSM group "Payments", synced
    And the administrator has taken the permission to encrypt from "payroll"
    When the administrator syncs "Payments"
    Then the key "payroll" may not encrypt
    And the HSM key "payroll" may encrypt

  Scenario: A permission that somebody gives back in the HSM stays lost
    Given the HSM group "Payments" that applies changes, synced
    And the administrator has taken the permission to encrypt from "payroll"
    And somebody gives the HSM key "payroll" the permission to encrypt
    When the administrator syncs "Payments"
    Then the key "payroll" may not encrypt
    And the HSM key "payroll" may encrypt

  Scenario: A permission that somebody takes in the HSM is not taken here
    Given the HSM group "Payments", synced
    And somebody takes the permission to encrypt from the HSM key "payroll"
    When the administrator syncs "Payments"
    Then the key "payroll" may encrypt

  Scenario: A key that was missing comes back with the permissions that it had here
    Given the HSM group "Payments", synced
    And the administrator has taken the permission to encrypt from "payroll"
    And "Payments" misses the key "payroll", which somebody deleted in the HSM and has restored
    When the administrator syncs "Payments"
    Then the key "payroll" is not missing
    And the key "payroll" may not encrypt

  Scenario: A key that somebody renames in the HSM keeps its name and permissions
    Given the HSM holds the RSA pair "tls"
    And the HSM group "Payments", synced
    And somebody renames the HSM key "tls" to "web"
    When the administrator syncs "Payments"
    Then there is a key "tls" and no key "web"
    And the keys of "Payments" and of the HSM agree one by one
