@G4.1
Feature: Two HSMs of one group that hold different keys are noticed
  A connection to another HSM is of no use if that lacks a key, and worse if it
  holds another one in its place. Better to hear of it before it is needed.

  Scenario: A key that the second HSM lacks
    Given the HSM holds the RSA pair "tls"
    And the HSM group "Payments" with a second connection to another HSM
    When the administrator syncs "Payments" and watches
    Then the sync warns that the connections lead to different keys

  Scenario: It shows in the state of the connection
    Given the HSM holds the RSA pair "tls"
    And the HSM group "Payments" with a second connection to another HSM
    When the administrator syncs "Payments" and watches
    Then the second connection of "Payments" shows one key missing
