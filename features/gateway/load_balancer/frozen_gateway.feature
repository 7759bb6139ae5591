@H4.3 @balanced
Feature: A gateway behind a load balancer freezes
  A frozen machine still accepts connections and never answers. Nothing is
  refused and nothing breaks, so that only silence tells.

  Background:
    Given the HSM group "Payments" over a load balancer with two gateways, and the application "billing"

  Scenario: No use of a key fails
    Given the application uses keys of "Payments" all the time
    When one gateway freezes
    Then the load balancer sends everything to the other gateway
    And no use of a key has failed

  Scenario: It gets its share again when it has thawed
    Given the application uses keys of "Payments" all the time
    And one gateway was frozen and the load balancer has noticed
    When that gateway thaws
    Then the load balancer sends requests to both gateways
    And no use of a key has failed
